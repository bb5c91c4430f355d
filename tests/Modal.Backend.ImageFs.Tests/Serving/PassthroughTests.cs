using System.Security.Cryptography;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Serving;
using Modal.Backend.ImageFs.Tests.Testing;
using Modal.Backend.Store.Indexes;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Serving;

/// <summary>Mounts whose complete large files the kernel reads itself. Needs root, /dev/fuse and Linux 6.9.</summary>
public sealed class PassthroughTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-complete-").FullName;
    private readonly byte[] _large = TestImage.Bytes(5_000_000);

    private string Sum => Convert.ToHexStringLower(SHA256.HashData(_large)) + "  -\n";

    [Fact]
    public async Task Read_CompleteFile_IsRightAndAsksTheServerForNoByte()
    {
        var (index, content, _) = await MakeAsync();
        await CompleteAsync(index);
        content.Complete = PackContent.FilesIn(_folder);
        content.Fetching = (_, _) => throw new IOException("no byte may be asked for");
        using var state = NewState(index);
        await using var mount = await StartAsync(index, content, state);

        var sum = await Shell.RunAsync($"sha256sum < {mount.Path}/large; sha256sum < {mount.Path}/large");
        var mapped = await Shell.RunAsync($"cmp {mount.Path}/large {_folder}/* && grep -c . {mount.Path}/large | wc -l");

        Assert.Equal(Sum + Sum, sum);
        Assert.Equal("1\n", mapped);
        Assert.NotEqual(0, state[index.Find("large")].BackingId);
    }

    [Fact]
    public async Task Open_IncompleteThenComplete_StaysCachedUntilTheLastCloseThenPassesThrough()
    {
        var (index, content, _) = await MakeAsync();
        content.Complete = PackContent.FilesIn(_folder);
        using var state = NewState(index);
        await using var mount = await StartAsync(index, content, state);
        var node = index.Find("large");

        // Descriptor 3 stays open over the moment in which the file becomes complete.
        var read = Shell.RunAsync($"exec 3< {mount.Path}/large; head -c 100000 <&3 | wc -c; while [ ! -e {_folder}/go ]; do sleep 0.02; done; sha256sum < {mount.Path}/large; tail -c +1 <&3 | wc -c");
        while (Volatile.Read(ref state[node].CachedOpens) == 0)
        {
            await Task.Yield();
        }

        await CompleteAsync(index);
        await File.WriteAllBytesAsync(Path.Combine(_folder, "go"), [], TestContext.Current.CancellationToken);
        var during = await read;
        var backingDuring = state[node].BackingId;
        while (Volatile.Read(ref state[node].CachedOpens) > 0)
        {
            await Task.Yield();
        }

        var after = await Shell.RunAsync($"sha256sum < {mount.Path}/large; cat {mount.Path}/small");

        Assert.Equal($"100000\n{Sum}", during[..(7 + Sum.Length)]);
        Assert.Equal(0, backingDuring);
        Assert.Equal(Sum + "hello", after);
        Assert.NotEqual(0, state[node].BackingId);
    }

    [Fact]
    public async Task Open_FileOfTheCacheHasAnotherLengthOrIsGone_ReadsThroughTheCache()
    {
        var (index, content, _) = await MakeAsync();
        var wrong = Path.Combine(_folder, "wrong");
        await File.WriteAllBytesAsync(wrong, _large[..^1], TestContext.Current.CancellationToken);
        var answers = new Queue<string>([wrong, Path.Combine(_folder, "gone")]);
        content.Complete = (_, _) => answers.TryDequeue(out var path) ? path : null;
        using var state = NewState(index);
        await using var mount = await StartAsync(index, content, state);

        var sums = await Shell.RunAsync($"sha256sum < {mount.Path}/large; sha256sum < {mount.Path}/large");

        Assert.Equal(Sum + Sum, sums);
        Assert.Equal(0, state[index.Find("large")].BackingId);
    }

    [Fact]
    public async Task KillServer_FilesOpenInBothWays_ReadersGoOnAndNewOpensWork()
    {
        var (index, _, tier) = await MakeAsync();
        await using var test = await TestSupervisor.StartAsync(index, tier);
        await CompleteAsync(index, test.CacheFolder);
        await using var mount = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), passthrough: true, TestContext.Current.CancellationToken);
        var ready = Path.Combine(test.Folder, "ready");
        var go = Path.Combine(test.Folder, "go");

        var read = Shell.RunAsync(
            $"cd {mount.Path}; exec 3< large; exec 4< small; head -c 4096 <&3 > /dev/null; touch {ready}; while [ ! -e {go} ]; do sleep 0.02; done; "
            + "sha256sum < large; cat small; tail -c +1 <&3 | wc -c; cat <&4");
        while (!File.Exists(ready))
        {
            await Task.Yield();
        }

        await test.KillServerAsync();
        await File.WriteAllBytesAsync(go, [], TestContext.Current.CancellationToken);
        var said = await read;

        Assert.Equal($"{Sum}hello{_large.Length - 4096}\nhello", said);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static MountState NewState(ImageIndex index)
    {
        using var memory = Memfd.Create("test", MountState.GetLength(index.NodeCount));
        return new MountState(memory);
    }

    private static async Task<TestMount> StartAsync(ImageIndex index, PackContent content, MountState state)
    {
        var mount = await TestMount.StartAsync(index, content, state);
        if (!state.PassesThrough)
        {
            await mount.DisposeAsync();
            Assert.Skip("This kernel has no FUSE passthrough (Linux 6.9).");
        }

        return mount;
    }

    private Task<(ImageIndex Index, PackContent Content, DictionaryTier Tier)> MakeAsync() => TestImage.FromFilesAsync(("large", _large), ("small", "hello"u8.ToArray()));

    private Task CompleteAsync(ImageIndex index, string? folder = null) =>
        File.WriteAllBytesAsync(Path.Combine(folder ?? _folder, index.GetBlob(index.GetBlobNumber(index.Find("large"))).Digest.ToString()), _large);
}
