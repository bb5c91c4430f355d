using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>An entry of an archive. Names are bytes, as they are on Linux.</summary>
internal sealed class TarArchiveEntry
{
    public required byte Kind { get; init; }

    public required byte[] Path { get; init; }

    public required byte[] Target { get; init; }

    public required int Permissions { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    public required TarTime Modified { get; init; }

    public required IReadOnlyList<Xattr> Attributes { get; init; }

    /// <summary>Bytes of a file, its holes included.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Of these, what holes are: they are not in the archive.</summary>
    public required long HoleBytes { get; init; }

    /// <summary>Of a file. Good until the next entry is read.</summary>
    public required Stream Content { get; init; }

    /// <summary>Its path for messages.</summary>
    public string Name => System.Text.Encoding.UTF8.GetString(Path);
}
