namespace Modal.Backend.Store.Blobs;

/// <summary>What came of storing a blob.</summary>
public enum BlobPutResult
{
    /// <summary>It is stored now and was not before.</summary>
    Stored,

    /// <summary>It was there already.</summary>
    Existed,

    /// <summary>The bytes do not have the digest they were sent under; nothing was stored.</summary>
    WrongDigest,

    /// <summary>The disk is full; nothing was stored.</summary>
    DiskFull,
}
