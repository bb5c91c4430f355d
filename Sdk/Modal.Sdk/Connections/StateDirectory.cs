namespace Modal.Connections;

/// <summary>Where the local daemon keeps its socket, logs and data.</summary>
internal static class StateDirectory
{
    public const string Variable = "MODAL_STATE_DIR";

    /// <summary>The variable if set; for root the system's place for state; for others their own data folder.</summary>
    public static string Path { get; } = Find();

    public static string Socket => System.IO.Path.Combine(Path, "daemon.sock");

    public static string Log => System.IO.Path.Combine(Path, "logs", "daemon.log");

    /// <summary>A text file with the path of the installed host program; written by setup.</summary>
    public static string HostPointer => System.IO.Path.Combine(Path, "host.path");

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set)
        {
            return System.IO.Path.GetFullPath(set);
        }

        return Environment.IsPrivilegedProcess
            ? "/var/lib/modal"
            : System.IO.Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "modal");
    }
}
