using Modal.Backend.Worker.Images;

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

    /// <summary>
    /// The store of images, code files and large payloads that several hosts share: <c>folder:/path</c>, <c>s3:bucket/prefix?endpoint=http://host:port&amp;region=name</c>, or <c>peer:</c> and a server's address.
    /// Default: the variable MODAL_STORE. Null, where that is not set, means the folder <c>store</c> of the state directory, and for a worker that dials another host's server that server's store.
    /// </summary>
    public string? Store { get; init; } = DefaultStore;

    /// <summary>
    /// Where a server keeps its records (deployments, calls, secrets and the like): <c>sqlite:/path</c>, or <c>postgresql://user@host:port/database</c>, which several servers share.
    /// Default: the variable MODAL_DATABASE. Null, where that is not set, means the file <c>server.db</c> of the state directory.
    /// </summary>
    public string? Database { get; init; } = Environment.GetEnvironmentVariable("MODAL_DATABASE") is { Length: > 0 } set ? set : null;

    /// <summary>
    /// File with the key that seals secrets, made at first use; servers that share a database share it. Default: the variable MODAL_SECRETS_KEY. Null, where that is not set, means the file
    /// <c>secrets.key</c> of the state directory.
    /// </summary>
    public string? SecretsKey { get; init; } = Environment.GetEnvironmentVariable("MODAL_SECRETS_KEY") is { Length: > 0 } set ? Path.GetFullPath(set) : null;

    /// <summary>How long code files and large payloads stay in the store that nobody sent again. Default 7 days; from 1 to 365. The same for all servers of a store.</summary>
    public TimeSpan BlobKeep { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How images become root file systems. Default <see cref="ImageRootMode.Auto"/>: mounted where FUSE works, else unpacked.</summary>
    public ImageRootMode Images { get; init; }

    /// <summary>How many runners wait for containers at most, each with some 80 MiB. Null, the default, means two per core; zero means none.</summary>
    public int? WaitingRunners { get; init; }

    /// <summary>Where a worker is, such as <c>eu-west</c>. Default empty: not known.</summary>
    public string Region { get; init; } = "";

    /// <summary>Pool that a worker belongs to. Default <c>default</c>.</summary>
    public string Pool { get; init; } = "default";

    /// <summary>GPUs that a worker's containers may have: <c>all</c>, <c>none</c>, or uuids with commas. Default all.</summary>
    public string Gpus { get; init; } = "all";

    /// <summary>Disk in MiB that a worker's containers may request in all. 0, the default, means 80 % of what is free.</summary>
    public long DiskMiB { get; init; }

    /// <summary>A daemon without apps stops after this. Default 30 minutes; zero means never.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Log to the console as well as to the file.</summary>
    public bool LogToConsole { get; init; }

    /// <summary>Where a worker's server is, the default filled in.</summary>
    public string ServerAddress => Server ?? $"unix://{Socket}";

    /// <summary>Where the store is, the default filled in.</summary>
    public string StoreAddress => Store ?? (Role == HostRole.Worker && Server is not null ? $"peer:{Server}" : $"folder:{Path.Combine(StateDirectory, "store")}");

    /// <summary>Where records are kept, the default filled in.</summary>
    public string DatabaseAddress => Database ?? $"sqlite:{Path.Combine(StateDirectory, "server.db")}";

    /// <summary>Where the key of secrets is, the default filled in.</summary>
    public string SecretsKeyPath => SecretsKey ?? Path.Combine(StateDirectory, "secrets.key");

    /// <summary>The Unix socket.</summary>
    public string Socket => Path.Combine(StateDirectory, "daemon.sock");

    /// <summary>The default of <see cref="Store"/>.</summary>
    public static string? DefaultStore { get; } = Environment.GetEnvironmentVariable("MODAL_STORE") is { Length: > 0 } set ? set : null;

    /// <summary>The default of <see cref="StateDirectory"/>.</summary>
    public static string DefaultStateDirectory { get; } =
        Environment.GetEnvironmentVariable("MODAL_STATE_DIR") is { Length: > 0 } set ? Path.GetFullPath(set)
        : Environment.IsPrivilegedProcess ? "/var/lib/modal"
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "modal");
}
