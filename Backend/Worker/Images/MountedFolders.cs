using System.Security.Cryptography;
using System.Text.Json;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Code;

namespace Modal.Backend.Worker.Images;

/// <summary>Local files that are mounted into containers, as folders of this machine: made once for the same files. Safe from many threads.</summary>
internal sealed class MountedFolders
{
    private readonly OncePerKey<string> _folders = new();
    private readonly IBlobSource _blobs;
    private readonly string _root;

    public MountedFolders(string root, IBlobSource blobs)
    {
        (_root, _blobs) = (root, blobs);
        Directory.CreateDirectory(root);
    }

    /// <summary>Removes what was interrupted. Before the first use.</summary>
    public void CleanUp()
    {
        foreach (var folder in Directory.EnumerateDirectories(_root, "*.tmp"))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The folder with a mount's files, or, of a mount of one file, that file.</summary>
    /// <exception cref="IOException">They cannot be had.</exception>
    public async Task<string> EnsureAsync(ImageMount mount, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(mount.Files)));
        var folder = await _folders.GetAsync(key, () => MakeAsync(key, mount.Files), cancellationToken);
        return mount.IsDirectory ? folder : Path.Combine(folder, mount.Files[0].Path);
    }

    private async Task<string> MakeAsync(string key, IReadOnlyList<MountedFile> files)
    {
        var target = Path.Combine(_root, key);
        if (Directory.Exists(target))
        {
            return target;
        }

        var temporary = target + ".tmp";
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }

        Directory.CreateDirectory(temporary);
        foreach (var file in files)
        {
            // The paths were checked when the image was built: none leads outside, and none lies below a link.
            var path = Path.Combine(temporary, file.Path);
            Directory.CreateDirectory(file.IsDirectory ? path : Path.GetDirectoryName(path)!);
            if (file.LinkTarget.Length > 0)
            {
                File.CreateSymbolicLink(path, file.LinkTarget);
            }
            else if (!file.IsDirectory)
            {
                await using (var content = await _blobs.OpenAsync(file.Digest, CancellationToken.None))
                await using (var written = new FileStream(path, FileMode.CreateNew))
                {
                    await content.CopyToAsync(written);
                }

                // Readable by the container's user, whoever that is: it is the author's own file.
                File.SetUnixFileMode(path, (UnixFileMode)(file.Mode & 0x1FF) | UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }
        }

        foreach (var folder in Directory.EnumerateDirectories(temporary, "*", SearchOption.AllDirectories).Append(temporary).Where(static f => new DirectoryInfo(f).LinkTarget is null))
        {
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        }

        Directory.Move(temporary, target);
        return target;
    }
}
