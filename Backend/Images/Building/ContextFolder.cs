using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>A layer's local files in a folder of this machine, for as long as a step runs.</summary>
internal sealed class ContextFolder : IDisposable
{
    private ContextFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>Writes the files.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static async Task<ContextFolder> MakeAsync(IEnumerable<ImageFile> files, IBlobSource blobs, CancellationToken cancellationToken)
    {
        var folder = new ContextFolder(Directory.CreateTempSubdirectory("modal-context-").FullName);
        try
        {
            foreach (var file in files)
            {
                // The paths were checked when the layer was planned.
                var path = System.IO.Path.Combine(folder.Path, file.Path);
                Directory.CreateDirectory(file.IsDirectory ? path : System.IO.Path.GetDirectoryName(path)!);
                if (file.LinkTarget.Length > 0)
                {
                    File.CreateSymbolicLink(path, file.LinkTarget);
                }
                else if (!file.IsDirectory)
                {
                    await using var content = await blobs.OpenAsync(file.Digest, cancellationToken);
                    await using var written = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = (UnixFileMode)(file.Mode & 0x1FF) });
                    await content.CopyToAsync(written, cancellationToken);
                }
            }

            // The folder of a private temporary folder is its owner's alone; steps may run as somebody else.
            File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
