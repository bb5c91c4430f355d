namespace Modal.Backend.Worker.Sandboxes;

/// <summary>Makes sandboxes of one kind.</summary>
internal interface ISandboxFactory
{
    /// <summary>"gvisor", "process" or "fake", as told to the server.</summary>
    string Kind { get; }

    /// <summary>Starts the runner in a new sandbox.</summary>
    /// <exception cref="SandboxStartException">It could not be started.</exception>
    Task<ISandbox> StartAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken);

    /// <summary>Ends and removes what an earlier run of the worker left behind.</summary>
    void RemoveLeftovers();
}
