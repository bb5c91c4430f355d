using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>One running sandbox with the runner in it. Members may be called from any thread.</summary>
internal interface ISandbox : IAsyncDisposable
{
    /// <summary>Ends when the process has ended and all that it sent and printed has been delivered.</summary>
    Task<SandboxExit> Exited { get; }

    /// <summary>Sends a frame to the runner. Never blocks; frames to a sandbox that is gone are dropped.</summary>
    void Send(WorkerFrame frame);

    /// <summary>Whether standard output and error are read. Not reading makes the code that prints wait.</summary>
    void ReadPipes(bool read);

    /// <summary>Whether frames are read. Not reading makes the code that yields wait.</summary>
    void ReadFrames(bool read);

    /// <summary>Fills a sandbox that was only created with what <see cref="CheckpointAsync"/> wrote.</summary>
    /// <param name="folder">The folder of the snapshot.</param>
    /// <param name="cancellationToken">Ends it; the sandbox is of no use then.</param>
    /// <exception cref="SandboxStartException">It could not be restored; the sandbox is of no use.</exception>
    Task RestoreAsync(string folder, CancellationToken cancellationToken);

    /// <summary>Writes all that is in its memory into a folder and goes on.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="cancellationToken">Ends it; the sandbox may be gone then.</param>
    /// <exception cref="SandboxStartException">It cannot be written; the sandbox may be gone.</exception>
    Task CheckpointAsync(string folder, CancellationToken cancellationToken);

    /// <summary>Changes its share of processor time.</summary>
    void SetCpu(double cores);

    /// <summary>Sets how much processor time the code may use, also when there is more. Until then there is no limit, so that a sandbox starts as fast as the machine can.</summary>
    /// <param name="cores">Cores; zero takes the limit away.</param>
    /// <returns>False if it cannot be limited here, or the sandbox is gone.</returns>
    bool LimitCpu(double cores);

    /// <summary>Stops the processor time of a sandbox that waits, or lets it go on. gVisor's platform systrap takes some 2 % of a core even for a sandbox in which everything sleeps.</summary>
    void Pause(bool pause);

    /// <summary>Ends every process in it.</summary>
    void Kill();
}
