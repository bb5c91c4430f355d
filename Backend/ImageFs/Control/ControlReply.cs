namespace Modal.Backend.ImageFs.Control;

/// <summary>From the server to the supervisor.</summary>
internal sealed record ControlReply
{
    /// <summary>Of the request; 0 for what nobody asked: a connection has ended.</summary>
    public required long Id { get; init; }

    /// <summary>Why it failed; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>The connection that has ended, if <see cref="Id"/> is 0.</summary>
    public long EndedConnection { get; init; }

    /// <summary>Answer to <see cref="ControlCommand.StopTrace"/>.</summary>
    public byte[]? Trace { get; init; }

    /// <summary>Answer to <see cref="ControlCommand.Stats"/>.</summary>
    public ServerStats? Stats { get; init; }
}
