using System.Text;
using Modal.Backend.ImageFs.Tests.Testing;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Serving;

/// <summary>Images mounted for real and looked at by other programs. Needs root and /dev/fuse.</summary>
public sealed class ImageMountTests
{
    [Fact]
    public async Task Read_SmallEmptyAndLargeFiles_GiveTheirBytes()
    {
        var large = TestImage.Bytes(3_000_000);
        var (index, content, _) = await TestImage.FromFilesAsync(("a/small", "hello"u8.ToArray()), ("a/empty", []), ("large", large));
        await using var mount = await TestMount.StartAsync(index, content);

        var sums = await Shell.RunAsync($"cd {mount.Path} && cat a/small && wc -c < a/empty && sha256sum < large && cat a/small && stat -c %s large");

        Assert.Equal($"hello0\n{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(large))}  -\nhello3000000\n", sums);
    }

    [Fact]
    public async Task Write_AnyKind_IsRefusedAsReadOnly()
    {
        var (index, content, _) = await TestImage.FromFilesAsync(("file", "x"u8.ToArray()));
        await using var mount = await TestMount.StartAsync(index, content);

        var said = await Shell.RunAsync($"cd {mount.Path}; (echo y > file; echo y > new; mkdir d; rm -f file; mv file g; chmod 600 file; ln file l) 2>&1 | grep -c 'Read-only file system'");

        Assert.Equal("7\n", said);
    }

    [Fact]
    public async Task Lookup_MissingName_IsAskedOnce()
    {
        var (index, content, _) = await TestImage.FromFilesAsync(("file", "x"u8.ToArray()));
        await using var mount = await TestMount.StartAsync(index, content);
        await Shell.RunAsync($"! stat {mount.Path}/none 2>/dev/null");
        var before = mount.Session.Requests;

        await Shell.RunAsync($"cd {mount.Path}; for i in 1 2 3 4 5; do ! stat none 2>/dev/null; done; stat file >/dev/null; cat file file");
        var after = mount.Session.Requests;
        await Shell.RunAsync($"cd {mount.Path}; for i in 1 2 3 4 5; do stat file > /dev/null; cat file file; ! stat none 2>/dev/null; done");

        Assert.InRange(after - before, 1, 8);
        Assert.Equal(after, mount.Session.Requests);
    }

    [Fact]
    public async Task Read_OriginHangs_OtherReadsGoOnAndKillEndsTheReader()
    {
        var (index, content, _) = await TestImage.FromFilesAsync(("slow", TestImage.Bytes(600_000)), ("fast", TestImage.Bytes(700_000, 2)));
        var slow = index.GetChunk(index.GetBlob(index.GetBlobNumber(index.Find("slow"))).FirstChunk);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        content.Fetching = (chunk, cancellationToken) =>
        {
            if (chunk.Digest != slow.Digest)
            {
                return Task.CompletedTask;
            }

            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellationToken);
        };
        await using var mount = await TestMount.StartAsync(index, content);

        var reader = System.Diagnostics.Process.Start("/bin/cat", [$"{mount.Path}/slow"]);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        var size = await Shell.RunAsync($"for i in 1 2 3 4 5 6 7 8; do cat {mount.Path}/fast | wc -c; done | sort -u");
        reader.Kill();
        await reader.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal("700000\n", size);
        Assert.Equal(137, reader.ExitCode);
    }

    [Fact]
    public async Task Read_ContentCannotBeHad_IsAnIoErrorAndNeverWrongBytes()
    {
        var (index, content, _) = await TestImage.FromFilesAsync(("file", TestImage.Bytes(600_000)));
        content.Fetching = (_, _) => throw new IOException("the origin is down");
        await using var mount = await TestMount.StartAsync(index, content);

        var said = await Shell.RunAsync($"cat {mount.Path}/file 2>&1 | tail -c 30");
        content.Fetching = (_, _) => Task.CompletedTask;
        var later = await Shell.RunAsync($"cat {mount.Path}/file | wc -c");

        Assert.EndsWith("Input/output error\n", said, StringComparison.Ordinal);
        Assert.Equal("600000\n", later);
    }

    [Fact]
    public async Task List_AHundredThousandEntries_GivesEachOnce()
    {
        var files = Enumerable.Range(0, 100_000).Select(i => ($"many/{i:x5}-{new string('n', i % 40)}", Encoding.ASCII.GetBytes($"{i % 100}"))).ToArray();
        var (index, content, _) = await TestImage.FromFilesAsync(files);
        await using var mount = await TestMount.StartAsync(index, content);

        var count = await Shell.RunAsync($"ls -U {mount.Path}/many | sort -u | wc -l; find {mount.Path}/many -type f -size 1 | wc -l; stat -c %h {mount.Path} {mount.Path}/many");

        Assert.Equal("100000\n100000\n3\n2\n", count);
    }
}
