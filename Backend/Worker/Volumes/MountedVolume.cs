using System.Diagnostics;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Backend.Worker.Native;
using Modal.Backend.Worker.Sandboxes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Volumes;

/// <summary>One volume of a container: the version that it shows, what it writes over it, and how that gets into the newest version. Commits and reloads happen one after another.</summary>
/// <param name="service">What it is made with.</param>
/// <param name="containerId">The container.</param>
/// <param name="mount">What was asked for.</param>
/// <param name="folder">For what belongs to it on this machine.</param>
/// <param name="shown">The folder that the container sees: what is mounted in it appears inside.</param>
internal sealed class MountedVolume(VolumeService service, string containerId, VolumeMount mount, string folder, string shown) : IAsyncDisposable
{
    // Each lost race means that somebody else's commit got through.
    private const int MaxAttempts = 90;

    // What is still written to files that were opened before a reload is committed too, but not for ever.
    private const int MaxGenerations = 8;

    private readonly SemaphoreSlim _gate = new(1);
    private readonly ContentCatalog _catalog = new();

    private VolumeGeneration[] _generations = [];
    private Descriptor? _shown;
    private int _count;
    private ImageIndex? _newest;
    private long _version;

    /// <summary>What was asked for.</summary>
    public VolumeMount Mount => mount;

    /// <summary>Shows the newest version.</summary>
    public async Task MountAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(shown);
        _shown = Unistd.OpenFolder(shown);
        var newest = await service.Client.GetVersionAsync(new GetVolumeVersionRequest { VolumeId = mount.VolumeId }, cancellationToken: cancellationToken);
        await ShowAsync(newest, cancellationToken);
    }

    /// <summary>Puts what was written into the newest version. Nothing having been written is fine, and quick.</summary>
    /// <exception cref="IOException">A file cannot be read, or its content not be stored.</exception>
    /// <exception cref="Grpc.Core.RpcException">The server cannot be asked, or the volume was deleted.</exception>
    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        if (mount.ReadOnly)
        {
            throw new IOException($"The volume '{mount.Name}' is mounted read-only, so there is nothing to commit.");
        }

        await _gate.WaitAsync(cancellationToken);
        try
        {
            await CommitLockedAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Commits what was written and shows the newest version in place of the one that is shown. Files that are open stay what they are.</summary>
    /// <exception cref="IOException">The files cannot be had or mounted.</exception>
    /// <exception cref="Grpc.Core.RpcException">The server cannot be asked, or the volume was deleted.</exception>
    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (!mount.ReadOnly)
            {
                await CommitLockedAsync(cancellationToken);
            }

            var newest = await service.Client.GetVersionAsync(new GetVolumeVersionRequest { VolumeId = mount.VolumeId }, cancellationToken: cancellationToken);
            if (newest.Index == _generations[^1].Index.Name)
            {
                // It is shown already, and nothing was written over it.
                return;
            }

            await ShowAsync(newest, cancellationToken);
            foreach (var old in _generations[..^1].Where(static g => !g.IsWritten).Concat(_generations[..^1].Where(static g => g.IsWritten).SkipLast(MaxGenerations)).ToList())
            {
                _generations = [.. _generations.Where(g => g != old)];
                await old.DisposeAsync();
            }
        }
        catch (Exception e) when (e is SandboxStartException or System.ComponentModel.Win32Exception)
        {
            throw new IOException(e.Message, e);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var generation in _generations)
        {
            await generation.DisposeAsync();
        }

        _shown?.Dispose();
        _newest?.Dispose();
        _gate.Dispose();
    }

    private async Task ShowAsync(VolumeVersion version, CancellationToken cancellationToken)
    {
        var name = $"{_count++}";
        var generation = await VolumeGeneration.MountAsync(service, mount, version.Index, $"{containerId}-{Path.GetFileName(folder)}-{name}", Path.Combine(folder, name), cancellationToken);
        try
        {
            // Who is root inside can put links there: no name is looked up twice, and none is followed.
            var inside = $"/proc/self/fd/{_shown!.Number}";
            Directory.CreateDirectory($"{inside}/{name}");
            using (var point = Unistd.OpenFolder($"{inside}/{name}"))
            {
                generation.ShowAt($"/proc/self/fd/{point.Number}", $"{inside}/{name}");
            }

            // A link that is put in place of another is there at every moment.
            File.CreateSymbolicLink($"{inside}/next", name);
            Unistd.Rename($"{inside}/next", $"{inside}/current");
        }
        catch
        {
            await generation.DisposeAsync();
            throw;
        }

        if (_generations is [.., var before])
        {
            before.Hide();
        }

        _generations = [.. _generations, generation];
        await SetNewestAsync(version, cancellationToken);
    }

    private async Task SetNewestAsync(VolumeVersion version, CancellationToken cancellationToken)
    {
        if (_newest?.Name != version.Index)
        {
            var index = await service.Store.OpenIndexAsync(version.Index, cancellationToken);
            _newest?.Dispose();
            _newest = index;
            _catalog.Add(index);
        }

        _version = version.Version;
    }

    private async Task CommitLockedAsync(CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var tier = service.Store.Tier;
        var deltas = new List<(VolumeGeneration Generation, OverlayDelta Delta)>();
        var writer = new ContentWriter(tier, _catalog);
        try
        {
            foreach (var generation in _generations)
            {
                if (await generation.Upper!.ScanAsync(writer, cancellationToken) is { } delta)
                {
                    deltas.Add((generation, delta));
                }
            }

            for (var attempt = 1; deltas.Count > 0; attempt++)
            {
                writer.Trust(_newest!);
                var root = TreeNode.FromIndex(_newest!);
                deltas.ForEach(d => d.Delta.ApplyTo(root));
                var index = await writer.FinishAsync(root, cancellationToken);
                var reply = await service.Client.CommitAsync(
                    new CommitVolumeRequest { VolumeId = mount.VolumeId, Version = _version, Index = index.Name }, cancellationToken: cancellationToken);
                if (reply.Committed)
                {
                    deltas.ForEach(static d => d.Generation.Upper!.Accept(d.Delta));
                    _newest!.Dispose();
                    (_newest, _version) = (index, reply.Newest.Version);
                    Log.VolumeCommitted(service.Logger, mount.VolumeId, deltas.Sum(static d => d.Delta.Count), _version, clock.ElapsedMilliseconds);
                    return;
                }

                // Somebody else was first: what was written is stored by now, and is put over theirs.
                index.Dispose();
                await SetNewestAsync(reply.Newest, cancellationToken);
                writer.Dispose();
                writer = new ContentWriter(tier, _catalog);
                if (attempt == MaxAttempts)
                {
                    throw new IOException($"Others committed to the volume '{mount.Name}' {MaxAttempts} times meanwhile. Commit again.");
                }
            }
        }
        catch (StalePlacementException)
        {
            // What was known to be stored is about to be collected: the next commit stores it again.
            _catalog.Clear();
            throw;
        }
        finally
        {
            writer.Dispose();
        }
    }
}
