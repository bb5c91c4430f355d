using System.Text;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Native;
using Modal.Backend.Worker.Sandboxes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Volumes;

/// <summary>One version of a volume, mounted for one container, with what the container writes over it.</summary>
internal sealed class VolumeGeneration : IAsyncDisposable
{
    private readonly ImageRoot _lower;
    private readonly IDisposable _use;
    private readonly string _folder;
    private readonly string _source;
    private string? _shown;

    private VolumeGeneration(ImageIndex index, ImageRoot lower, IDisposable use, string folder, string source, OverlayUpper? upper) => (Index, _lower, _use, _folder, _source, Upper) = (index, lower, use, folder, source, upper);

    /// <summary>The version's tree.</summary>
    public ImageIndex Index { get; }

    /// <summary>What was written; null if nothing can be.</summary>
    public OverlayUpper? Upper { get; }

    /// <summary>Whether there is something in the upper folder. A file that is open to be written is there.</summary>
    public bool IsWritten => Upper is not null && Directory.EnumerateFileSystemEntries(Path.Combine(_folder, "upper")).Any();

    private string View => Path.Combine(_folder, "view");

    private string Merged => Path.Combine(_folder, "merged");

    /// <summary>Mounts a version.</summary>
    /// <param name="service">What it is made with.</param>
    /// <param name="mount">What was asked for.</param>
    /// <param name="name">The index's name.</param>
    /// <param name="user">Names the mount.</param>
    /// <param name="folder">For what is written.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="SandboxStartException">The folder that is asked for is not there.</exception>
    public static async Task<VolumeGeneration> MountAsync(VolumeService service, VolumeMount mount, string name, string user, string folder, CancellationToken cancellationToken)
    {
        // Of its own: it stays open as long as what was written over it is looked at.
        var index = await service.Store.OpenIndexAsync(name, cancellationToken);
        ImageRoot? lower = null;
        try
        {
            lower = await service.Roots.MountAsync(name, user, cancellationToken, keepWarm: false);
            CheckFolder(index, mount);
            if (mount.ReadOnly)
            {
                return new VolumeGeneration(index, lower, service.Used.Use(name), folder, Path.Combine(lower.Path, mount.SubPath.Trim('/')), upper: null);
            }

            var (upper, work, merged) = (Path.Combine(folder, "upper"), Path.Combine(folder, "work"), Path.Combine(folder, "merged"));
            foreach (var made in new[] { upper, work, merged })
            {
                Directory.CreateDirectory(made);
            }

            File.SetUnixFileMode(upper, File.GetUnixFileMode(lower.Path));
            Mounts.Overlay(lower.Path, upper, work, merged);
            var source = merged;
            foreach (var part in mount.SubPath.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                source = Path.Combine(source, part);
                if (!Directory.Exists(source))
                {
                    Directory.CreateDirectory(source);
                    File.SetUnixFileMode(source, (UnixFileMode)0b111_111_111);
                }
            }

            return new VolumeGeneration(index, lower, service.Used.Use(name), folder, source, new OverlayUpper(upper, index, service.Time));
        }
        catch
        {
            index.Dispose();
            if (lower is not null)
            {
                await lower.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>Shows it.</summary>
    /// <param name="point">The folder where it is mounted.</param>
    /// <param name="name">Its name, by which the mount is taken away.</param>
    public void ShowAt(string point, string name)
    {
        // Elsewhere first: a copy takes flags with it, but what changes them later stays with the original.
        Directory.CreateDirectory(View);
        Mounts.Bind(_source, View, isReadOnly: Upper is null);
        Mounts.Rebind(View, point);
        _shown = name;
    }

    /// <summary>Takes it out of sight; what is open in it stays so.</summary>
    public void Hide()
    {
        if (_shown is not null)
        {
            Mounts.Unmount(_shown);
            Mounts.Unmount(View);
            _shown = null;
        }

        if (Upper is not null)
        {
            Mounts.Unmount(Merged);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Hide();
        Index.Dispose();
        await _lower.DisposeAsync();
        _use.Dispose();
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    // Before anything follows the path on this machine: a link in the volume would lead out of it.
    private static void CheckFolder(ImageIndex index, VolumeMount mount)
    {
        var node = 0;
        foreach (var part in mount.SubPath.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = index.Lookup(node, Encoding.UTF8.GetBytes(part));
            if (node < 0 && !mount.ReadOnly)
            {
                return;
            }

            if (node < 0 || !index.GetNode(node).IsDirectory)
            {
                throw new SandboxStartException($"The volume '{mount.Name}' has no folder '{mount.SubPath}'.");
            }
        }
    }
}
