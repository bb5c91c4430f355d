using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Trees;

/// <summary>An entry as a container saw it: in the tree beneath its overlay, in what it has written, or in both. What others put beside it, it did not see, and so did not remove.</summary>
/// <param name="index">The tree beneath.</param>
/// <param name="node">Its number there; -1 if it is not there.</param>
/// <param name="seen">What was written and committed; null if nothing was.</param>
internal sealed class KnownEntry(ImageIndex index, int node, SeenEntry? seen)
{
    /// <summary>The entries in it by name.</summary>
    public IEnumerable<(TreeName Name, KnownEntry Entry)> Children()
    {
        var (first, count) = node >= 0 ? index.GetChildren(node) : (0, 0);
        for (var child = first; child < first + count; child++)
        {
            var name = new TreeName(index.GetName(child));
            yield return (name, new KnownEntry(index, child, seen?.Children?.GetValueOrDefault(name)));
        }

        foreach (var (name, entry) in seen?.Children ?? [])
        {
            if (node < 0 || index.Lookup(node, name.Bytes) < 0)
            {
                yield return (name, new KnownEntry(index, -1, entry));
            }
        }
    }
}
