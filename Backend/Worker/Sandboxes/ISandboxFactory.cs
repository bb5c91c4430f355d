namespace Modal.Backend.Worker.Sandboxes;

/// <summary>Makes sandboxes of one kind.</summary>
internal interface ISandboxFactory
{
    /// <summary>"gvisor", "process" or "fake", as told to the server.</summary>
    string Kind { get; }

    /// <summary>Starts the runner in a new sandbox.</summary>
    /// <exception cref="SandboxStartException">It could not be started.</exception>
    Task<ISandbox> StartAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken);

    /// <summary>What a snapshot of memory depends on of this machine and its programs; null if snapshots cannot be taken here.</summary>
    string? SnapshotPlatform { get; }

    /// <summary>Makes a sandbox without a process in it, for <see cref="ISandbox.RestoreAsync"/>.</summary>
    /// <exception cref="SandboxStartException">It could not be made.</exception>
    Task<ISandbox> CreateAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken);

    /// <summary>Starts a sandbox with what <see cref="ISandbox.CheckpointAsync"/> wrote. The runner in it waits for <see cref="Protocol.RunnerResume"/>.</summary>
    /// <param name="spec">As when the snapshot was taken, but for the id and where files lie on this machine.</param>
    /// <param name="folder">The folder of the snapshot.</param>
    /// <param name="events">Told what happens in it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="SandboxStartException">It could not be restored.</exception>
    Task<ISandbox> RestoreAsync(SandboxSpec spec, string folder, ISandboxEvents events, CancellationToken cancellationToken);

    /// <summary>Ends and removes what an earlier run of the worker left behind.</summary>
    void RemoveLeftovers();
}
