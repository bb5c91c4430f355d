using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>What a sandbox reports, in order, on one thread at a time. Handlers must not block.</summary>
internal interface ISandboxEvents
{
    /// <summary>Bytes of a pipe. Everything that was printed before a frame was sent comes before that frame.</summary>
    void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes);

    /// <summary>A frame from the runner. Its content is user code's to forge: nothing in it may be trusted.</summary>
    void OnFrame(RunnerFrame frame);
}
