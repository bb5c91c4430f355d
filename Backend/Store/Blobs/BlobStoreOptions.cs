namespace Modal.Backend.Store.Blobs;

/// <summary>Settings of a <see cref="BlobStore"/>.</summary>
public sealed class BlobStoreOptions
{
    /// <summary>The folder that holds the blobs. Made if missing, readable by its owner only. No default: it must be set.</summary>
    public string Directory { get; set; } = "";

    /// <summary>
    /// Whether a blob is forced to the disk before it becomes visible. Default false: the bytes survive a killed process, and what a power loss
    /// tears is found by its digest. True costs one to four milliseconds per blob.
    /// </summary>
    public bool Durable { get; set; }
}
