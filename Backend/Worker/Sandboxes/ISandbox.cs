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

    /// <summary>Sets how much processor time the code may use, also when there is more. Until then there is no limit, so that a sandbox starts as fast as the machine can.</summary>
    /// <param name="cores">Cores; zero takes the limit away.</param>
    /// <returns>False if it cannot be limited here, or the sandbox is gone.</returns>
    bool LimitCpu(double cores);

    /// <summary>Ends every process in it.</summary>
    void Kill();
}
