namespace Modal.Backend.Store.Trees;

/// <summary>What became of one entry of an overlay's upper folder, and of those below it.</summary>
internal sealed class OverlayChange
{
    /// <summary>The entry as it is now; null if it is gone. A folder's children are in <see cref="Children"/>.</summary>
    public TreeNode? Node { get; init; }

    /// <summary>Whether the entry itself changed; else only what is below it did.</summary>
    public bool IsChanged { get; init; }

    /// <summary>What was there for who removed the entry, or replaced it by an empty folder.</summary>
    public KnownEntry? Known { get; init; }

    /// <summary>Changes below it.</summary>
    public SortedDictionary<TreeName, OverlayChange> Children { get; } = [];
}
