namespace Modal.Backend.Host;

/// <summary>What a host process is.</summary>
public enum HostRole
{
    /// <summary>Server and worker in one process: the local daemon.</summary>
    All,

    /// <summary>Only the server; workers dial it.</summary>
    Server,

    /// <summary>Only a worker, which dials a server.</summary>
    Worker,
}
