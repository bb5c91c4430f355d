namespace Modal.Protocol;

/// <summary>Revision of the wire contracts. Peers of different revisions refuse each other with a sentence that says what to update.</summary>
public static class ProtocolRevision
{
    /// <summary>Rises by one when an old peer could no longer work with a new one.</summary>
    public const int Current = 4;
}
