namespace Modal.Backend.ImageFs.Control;

/// <summary>From the supervisor to the server.</summary>
internal sealed record ControlRequest
{
    /// <summary>Comes back in the reply; above 0.</summary>
    public required long Id { get; init; }

    public required ControlCommand Command { get; init; }

    /// <summary>The supervisor's number of the connection.</summary>
    public long Connection { get; init; }

    /// <summary>Of <see cref="ControlCommand.Mount"/>: the image that the index must be of.</summary>
    public string? ImageId { get; init; }

    /// <summary>Of <see cref="ControlCommand.Mount"/>: whether files are opened, so that large ones pass through.</summary>
    public bool Passthrough { get; init; }

    /// <summary>Of the trace commands: the supervisor's number of the trace.</summary>
    public long TraceId { get; init; }

    /// <summary>Of <see cref="ControlCommand.Prefetch"/>: the trace.</summary>
    public byte[]? Trace { get; init; }
}
