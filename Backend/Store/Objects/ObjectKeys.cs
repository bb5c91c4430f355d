using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Objects;

/// <summary>The kinds of objects and their keys.</summary>
public static class ObjectKeys
{
    /// <summary>Compressed chunks, one after another.</summary>
    public const string Packs = "pack";

    /// <summary>Image indexes, by <see cref="Indexes.ImageIndex.Name"/>.</summary>
    public const string Indexes = "index";

    /// <summary>Records of built layers and of images: see <see cref="BuildKey"/>.</summary>
    public const string Builds = "build";

    /// <summary>What was found out about images, named after their ids and gone with them: reads of starts, results of scans.</summary>
    public const string Traces = "trace";

    /// <summary>Bytes as they are, by their SHA-256: code files, large payloads, local files of images. See <see cref="TierBlobs"/>.</summary>
    public const string Blobs = "blob";

    /// <summary>Marks of packs and indexes that the collection will remove.</summary>
    public const string Condemned = "condemned";

    /// <summary>The key of the mark of an object that the collection will remove.</summary>
    public static string Condemn(string key)
    {
        var (kind, name) = Split(key);
        return $"{Condemned}/{kind}-{name}";
    }

    /// <summary>The key of a pack, named by the digest of its bytes.</summary>
    public static string Pack(Digest digest) => $"{Packs}/{digest}";

    /// <summary>The key of a blob.</summary>
    /// <param name="digest">Its digest.</param>
    /// <exception cref="ArgumentException">It is not 64 lower-case hexadecimal letters.</exception>
    public static string Blob(string digest) => BlobDigest.IsValid(digest)
        ? $"{Blobs}/{digest}"
        : throw new ArgumentException($"'{digest}' is not a digest: 64 lower-case hexadecimal letters are.", nameof(digest));

    /// <summary>The key of an index.</summary>
    /// <param name="name">Its <see cref="Indexes.ImageIndex.Name"/>.</param>
    public static string Index(string name) => $"{Indexes}/{name}";

    /// <summary>The image's id in an index's name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="imageId">The id.</param>
    /// <returns>False if it is no index's name.</returns>
    public static bool TryGetImageId(string? name, out Digest imageId)
    {
        imageId = default;
        return name is { Length: (2 * Digest.Bytes) + 17 } && name[2 * Digest.Bytes] == '-' && name[((2 * Digest.Bytes) + 1)..].All(char.IsAsciiHexDigitLower)
            && Digest.TryParse(name[..(2 * Digest.Bytes)], out imageId);
    }

    /// <summary>The two parts of a key.</summary>
    /// <exception cref="ArgumentException">It is not <c>kind/name</c>.</exception>
    public static (string Kind, string Name) Split(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            throw new ArgumentException($"'{key}' is no object's key: kind/name is.", nameof(key));
        }

        CheckPart(key[..slash]);
        CheckPart(key[(slash + 1)..]);
        return (key[..slash], key[(slash + 1)..]);
    }

    /// <summary>Checks a kind or a name: letters, digits, '-', '.', '_', at most 200, not '.' first.</summary>
    /// <param name="part">The part of a key before or after its '/'.</param>
    /// <exception cref="ArgumentException">It cannot be a part of a key. A dot first would be able to name another folder.</exception>
    public static void CheckPart(string part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (part.Length is 0 or > 200 || part[0] == '.' || !part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
        {
            throw new ArgumentException($"'{part}' cannot be a part of an object's key: letters, digits, '-', '.', '_' are allowed, up to 200.", nameof(part));
        }
    }
}
