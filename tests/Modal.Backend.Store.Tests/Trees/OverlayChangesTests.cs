using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Trees;

public sealed class OverlayChangesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Apply_WhatWasDoneInAnOverlay_GivesTheTreeThatWasSeenThere()
    {
        if (Environment.UserName != "root")
        {
            Assert.Skip("Mounting an overlay needs root.");
        }

        using var folder = new TemporaryFolder();
        await folder.ShellAsync("""
            mkdir lower upper work merged seen
            (cd lower; mkdir -p kept replaced/inner opaque gone; echo 1 > kept/a; echo 2 > kept/b; echo 3 > replaced/inner/c; echo 4 > opaque/d; echo 5 > gone/e; echo 6 > file; echo 7 > turned; ln kept/a kept/hard; ln -s file link)
            mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=off,metacopy=off,index=off merged
            trap 'umount merged' EXIT
            (cd merged; rm kept/b; echo changed >> kept/a; rm -r replaced; echo now a file > replaced; rm -r opaque; mkdir opaque; echo new > opaque/n; rm -r gone; chmod 700 file; chown 5:6 link -h; rm turned; mkdir turned; echo in > turned/in; echo x > new; ln new new2; mkfifo pipe; mkdir -p a/b/c; mv kept/hard a/moved)
            cp -a merged/. seen/
            """);
        var tier = new DictionaryTier();
        var catalog = new ContentCatalog();
        var before = await DirectoryTreeTests.IngestAsync(Path.Combine(folder.Path, "lower"), tier, catalog);
        using var writer = new ContentWriter(tier, catalog);
        var root = TreeNode.FromIndex(before);

        await OverlayChanges.ApplyAsync(root, Path.Combine(folder.Path, "upper"), writer, Cancel);
        var after = await writer.FinishAsync(root, Cancel);

        var seen = await DirectoryTreeTests.IngestAsync(Path.Combine(folder.Path, "seen"), tier, catalog);
        Assert.Equal(Listing(seen), Listing(after));
        Assert.Equal("5\n"u8, tier.ReadFile(before, before.Find("gone/e")));
    }

    // Without times of folders, which copying changes, and without the root.
    private static List<string> Listing(ImageIndex index)
    {
        var lines = new List<string>();
        for (var n = 1; n < index.NodeCount; n++)
        {
            ref readonly var node = ref index.GetNode(n);
            var path = System.Text.Encoding.UTF8.GetString(index.GetName(n));
            for (var p = node.Parent; p > 0; p = index.GetNode(p).Parent)
            {
                path = System.Text.Encoding.UTF8.GetString(index.GetName(p)) + "/" + path;
            }

            var blob = index.GetBlobNumber(n);
            lines.Add($"{path} {node.Mode:x} {node.Uid}:{node.Gid} {node.SizeBytes} {node.LinkCount} {(blob < 0 ? "" : index.GetBlob(blob).Digest)} {System.Text.Encoding.UTF8.GetString(index.GetTarget(n))}");
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }
}
