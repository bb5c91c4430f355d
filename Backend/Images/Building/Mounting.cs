using Modal.Backend.Images.Definitions;
using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>Turns a definition's files into a mount.</summary>
internal static class Mounting
{
    public static ImageMount Of(LayerAction.Mount mount, IEnumerable<ImageFile> files) => new(
        mount.Target,
        mount.IsDirectory,
        [.. files.OrderBy(static f => f.Path, StringComparer.Ordinal).Select(static f => new MountedFile(f.Path, f.Digest, f.SizeBytes, (int)f.Mode & 0xFFF, f.LinkTarget, f.IsDirectory))]);
}
