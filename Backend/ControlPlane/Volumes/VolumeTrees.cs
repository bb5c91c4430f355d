using System.Collections.Concurrent;
using Grpc.Core;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>Reads and changes the trees of volumes. Safe from many threads.</summary>
internal sealed class VolumeTrees(IObjectTier tier, VolumeRecords records)
{
    // Everybody may write: whose image runs as another user shares volumes with those that do not.
    private const int RootPermissions = 0b111_111_111;

    // Each lost race means that another change got through.
    private const int MaxAttempts = 100;

    // A listing and then reads of single files use the same few.
    private const int MaxOpen = 16;

    private readonly ConcurrentDictionary<string, ImageIndex> _open = new(StringComparer.Ordinal);

    /// <summary>Stores a tree without files.</summary>
    /// <returns>The index's name.</returns>
    public async Task<string> StoreEmptyAsync(CancellationToken cancellationToken)
    {
        using var writer = new ContentWriter(tier, new ContentCatalog());
        return (await writer.FinishAsync(TreeNode.Directory(RootPermissions), cancellationToken)).Name;
    }

    /// <summary>The tree of a version.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public async Task<ImageIndex> OpenAsync(string name, CancellationToken cancellationToken)
    {
        if (_open.TryGetValue(name, out var known))
        {
            return known;
        }

        var bytes = await tier.ReadWholeAsync(ObjectKeys.Index(name), int.MaxValue, cancellationToken) ?? throw new IOException($"The index {name} of a volume is not in {tier.Name}.");
        ImageIndex index;
        try
        {
            index = ImageIndex.Parse(StoredIndex.Read(bytes));
        }
        catch (InvalidDataException e)
        {
            throw new IOException($"{tier.Name}: the index {name} of a volume is damaged: {e.Message}", e);
        }

        if (_open.Count >= MaxOpen)
        {
            _open.Clear();
        }

        return _open.GetOrAdd(name, index);
    }

    /// <summary>Changes the newest version; does it again if another one was committed meanwhile.</summary>
    /// <param name="find">Finds the volume.</param>
    /// <param name="change">Changes the tree; contents go to the writer.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The version that has the change.</returns>
    /// <exception cref="IOException">The tree cannot be read or stored.</exception>
    public async Task<long> ChangeAsync(Func<Task<VolumeRecord>> find, Func<TreeNode, ContentWriter, Task> change, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var volume = await find();
            var index = await OpenAsync(volume.Index_name, cancellationToken);
            var catalog = new ContentCatalog();
            catalog.Add(index);
            using var writer = new ContentWriter(tier, catalog);
            writer.Trust(index);
            var root = TreeNode.FromIndex(index);
            await change(root, writer);
            using var changed = await writer.FinishAsync(root, cancellationToken);
            if (changed.Id == index.Id)
            {
                return volume.Version;
            }

            if (await records.TryCommitAsync(volume.Volume_id, volume.Version, changed.Name))
            {
                return volume.Version + 1;
            }

            if (attempt == MaxAttempts)
            {
                throw new RpcException(new Status(StatusCode.Aborted, $"The volume '{volume.Name}' was changed by others {MaxAttempts} times while it was changed. Try again."));
            }
        }
    }
}
