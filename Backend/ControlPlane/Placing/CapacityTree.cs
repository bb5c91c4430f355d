using System.Runtime.Intrinsics;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>
/// Free room of workers by slot, with the maximum of each resource above every two: what fits nowhere below a node is not looked at. A slot is found in the
/// logarithm of their number unless one resource is left here and another there; then the search looks further, and still finds what there is.
/// </summary>
internal sealed class CapacityTree
{
    /// <summary>Holds nothing.</summary>
    public static readonly Vector128<int> Closed = Vector128.Create(-1);

    // Node 1 is the root, those of n are 2n and 2n + 1, leaves begin at _size.
    private Vector128<int>[] _nodes = [Closed, Closed];
    private int _size = 1;

    /// <summary>Nodes looked at by all searches so far.</summary>
    public long Visits { get; private set; }

    public void Set(int slot, Vector128<int> free)
    {
        while (slot >= _size)
        {
            Grow();
        }

        var node = _size + slot;
        _nodes[node] = free;
        for (node >>= 1; node > 0; node >>= 1)
        {
            var best = Vector128.Max(_nodes[2 * node], _nodes[(2 * node) + 1]);
            if (best == _nodes[node])
            {
                return;
            }

            _nodes[node] = best;
        }
    }

    /// <summary>The first slot at or after <paramref name="from"/> with room for <paramref name="want"/>; -1 if there is none.</summary>
    public int Find(int from, Vector128<int> want)
    {
        if (from >= _size)
        {
            return -1;
        }

        for (var node = _size + from; ;)
        {
            Visits++;
            if (Vector128.GreaterThanOrEqualAll(_nodes[node], want))
            {
                if (node >= _size)
                {
                    return node - _size;
                }

                node *= 2;
                continue;
            }

            while ((node & 1) == 1)
            {
                node >>= 1;
            }

            if (node == 0)
            {
                return -1;
            }

            node++;
        }
    }

    private void Grow()
    {
        var nodes = new Vector128<int>[_size * 4];
        Array.Fill(nodes, Closed);
        Array.Copy(_nodes, _size, nodes, _size * 2, _size);
        _size *= 2;
        for (var node = _size - 1; node > 0; node--)
        {
            nodes[node] = Vector128.Max(nodes[2 * node], nodes[(2 * node) + 1]);
        }

        _nodes = nodes;
    }
}
