using System.Runtime.InteropServices;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Trees;

/// <summary>An entry of an upper folder as it was when it was looked at.</summary>
/// <param name="Stamp">By which a change is noticed.</param>
/// <param name="Node">What was made of it; null if it only hides what is beneath.</param>
/// <param name="IsOpaque">Of a folder: it hides the one beneath.</param>
/// <param name="Children">Of a folder.</param>
internal sealed record SeenEntry(SeenEntry.Mark Stamp, TreeNode? Node, bool IsOpaque, Dictionary<TreeName, SeenEntry>? Children)
{
    /// <summary>Number and time of the last change of content or attributes, which the kernel sets.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Mark(ulong Inode, long Seconds, uint Nanoseconds, long SizeBytes)
    {
        public static Mark Of(in FileStatus status) => new(status.Inode, status.ChangedSeconds, status.ChangedNanoseconds, status.SizeBytes);
    }
}
