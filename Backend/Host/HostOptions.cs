namespace Modal.Backend.Host;

/// <summary>Settings of a host process, from its command line.</summary>
public sealed record HostOptions
{
    /// <summary>What the process is. Default all.</summary>
    public HostRole Role { get; init; } = HostRole.All;

    /// <summary>Where everything is kept; made if missing, for its owner only. Default: the variable MODAL_STATE_DIR, else /var/lib/modal for root and the data folder of the user for others.</summary>
    public string StateDirectory { get; init; } = DefaultStateDirectory;

    /// <summary>Address to listen on besides the Unix socket, such as 127.0.0.1:7777. Null, the default, means the socket alone. Connections to it are not authenticated: loopback only.</summary>
    public string? Listen { get; init; }

    /// <summary>Server that a worker dials: http://host:port or unix:///path. Null, the default, means the socket of the state directory.</summary>
    public string? Server { get; init; }

    /// <summary>A daemon without apps stops after this. Default 30 minutes; zero means never.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Log to the console as well as to the file.</summary>
    public bool LogToConsole { get; init; }

    /// <summary>The Unix socket.</summary>
    public string Socket => Path.Combine(StateDirectory, "daemon.sock");

    /// <summary>The default of <see cref="StateDirectory"/>.</summary>
    public static string DefaultStateDirectory { get; } =
        Environment.GetEnvironmentVariable("MODAL_STATE_DIR") is { Length: > 0 } set ? Path.GetFullPath(set)
        : Environment.IsPrivilegedProcess ? "/var/lib/modal"
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "modal");
}
