using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Objects;

/// <summary>The kinds of objects and their keys.</summary>
public static class ObjectKeys
{
    /// <summary>Compressed chunks, one after another.</summary>
    public const string Packs = "pack";

    /// <summary>Image indexes.</summary>
    public const string Indexes = "index";

    /// <summary>Records of built layers, by cache key.</summary>
    public const string Builds = "build";

    /// <summary>Recorded reads of starts.</summary>
    public const string Traces = "trace";

    /// <summary>Where the files of all packs lie.</summary>
    public const string Catalogs = "catalog";

    /// <summary>The key of a pack, named by the digest of its bytes.</summary>
    public static string Pack(Digest digest) => $"{Packs}/{digest}";

    /// <summary>The key of an index, named by the image's id.</summary>
    public static string Index(Digest imageId) => $"{Indexes}/{imageId}";
}
