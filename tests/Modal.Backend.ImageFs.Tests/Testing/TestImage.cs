using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>Makes images.</summary>
internal static class TestImage
{
    /// <summary>An image of a folder of this machine.</summary>
    public static async Task<(ImageIndex Index, PackContent Content, DictionaryTier Tier)> FromFolderAsync(string path)
    {
        var tier = new DictionaryTier();
        using var writer = new ContentWriter(tier, new ContentCatalog());
        var root = await DirectoryTree.ScanAsync(path, writer, TestContext.Current.CancellationToken);
        return (await writer.FinishAsync(root, TestContext.Current.CancellationToken), new PackContent(tier), tier);
    }

    /// <summary>An image of these files, by path.</summary>
    public static async Task<(ImageIndex Index, PackContent Content, DictionaryTier Tier)> FromFilesAsync(params (string Path, byte[] Content)[] files)
    {
        var tier = new DictionaryTier();
        using var writer = new ContentWriter(tier, new ContentCatalog());
        var root = TreeNode.Directory();
        foreach (var (path, content) in files)
        {
            var folder = root;
            var parts = path.Split('/');
            foreach (var part in parts[..^1])
            {
                if (!folder.Children.TryGetValue(new TreeName(part), out var next))
                {
                    folder.Children.Add(new TreeName(part), next = TreeNode.Directory());
                }

                folder = next;
            }

            using var stream = new MemoryStream(content);
            folder.Children.Add(new TreeName(parts[^1]), new TreeNode { Mode = NodeModes.File | 0x1A4, Content = await writer.AddAsync(stream, TestContext.Current.CancellationToken) });
        }

        return (await writer.FinishAsync(root, TestContext.Current.CancellationToken), new PackContent(tier), tier);
    }

    /// <summary>Bytes that look random and are the same each time.</summary>
    public static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
