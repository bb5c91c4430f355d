namespace Modal.Images.Definitions;

/// <summary>What is read.</summary>
internal enum LocalFilesKind
{
    /// <summary>One file.</summary>
    File,

    /// <summary>All in a folder.</summary>
    Directory,

    /// <summary>A Dockerfile and its context.</summary>
    Dockerfile,
}

/// <summary>Which local files a layer reads. They are read when the image is needed. Equal by content of this, not of the files.</summary>
/// <param name="Kind">What is read.</param>
/// <param name="Path">The file, folder or Dockerfile, relative to the current directory.</param>
/// <param name="Context">The folder of a Dockerfile's context; null for its own.</param>
/// <param name="Ignore">Patterns of what is left out of a folder, one a line.</param>
internal sealed record LocalFilesDefinition(LocalFilesKind Kind, string Path, string? Context = null, string Ignore = "")
{
    public string ToJson() => CanonicalJson.Object(
        ("kind", CanonicalJson.String(Kind switch
        {
            LocalFilesKind.File => "file",
            LocalFilesKind.Directory => "directory",
            _ => "dockerfile",
        })),
        ("path", CanonicalJson.String(Path)),
        ("context", Context is null ? null : CanonicalJson.String(Context)),
        ("ignore", Ignore.Length == 0 ? null : CanonicalJson.String(Ignore)));
}
