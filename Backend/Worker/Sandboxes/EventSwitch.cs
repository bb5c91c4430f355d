using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>Passes a sandbox's events on to whom it belongs to now, or to nobody.</summary>
/// <param name="target">Who gets them at first.</param>
internal sealed class EventSwitch(ISandboxEvents? target) : ISandboxEvents
{
    private volatile ISandboxEvents? _target = target;

    /// <summary>Gives the sandbox to another; null if what it says is of no interest any more.</summary>
    public void GiveTo(ISandboxEvents? target) => _target = target;

    /// <inheritdoc/>
    public void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes) => _target?.OnOutput(source, bytes);

    /// <inheritdoc/>
    public void OnFrame(RunnerFrame frame) => _target?.OnFrame(frame);
}
