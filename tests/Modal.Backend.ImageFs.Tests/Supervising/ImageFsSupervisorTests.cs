using System.Security.Cryptography;
using CliWrap;
using CliWrap.Buffered;
using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Tests.Testing;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Digests;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Supervising;

/// <summary>Mounts whose server is a process of its own. Needs root and /dev/fuse.</summary>
public sealed class ImageFsSupervisorTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mount_TwiceOneImage_SharesAConnectionUntilTheLastIsGone()
    {
        var (index, _, tier) = await TestImage.FromFilesAsync(("file", "hello"u8.ToArray()));
        await using var test = await TestSupervisor.StartAsync(index, tier);
        var first = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);
        var second = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);

        var read = await Shell.RunAsync($"cat {first.Path}/file {second.Path}/file");
        var stats = await test.Supervisor.GetStatsAsync(Token);
        await first.DisposeAsync();
        var afterFirst = await Shell.RunAsync($"cat {second.Path}/file; ls -A {first.Path}");
        await second.DisposeAsync();
        while ((await test.Supervisor.GetStatsAsync(Token)).Connections > 0)
        {
            await Task.Yield();
        }

        Assert.Equal("hellohello", read);
        Assert.Equal(1, stats.Connections);
        Assert.Equal("hello", afterFirst);
        Assert.DoesNotContain(MountTable.Read(), e => e.Path.StartsWith(test.Folder, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mount_IndexOfAnotherImageOrDamaged_IsRefusedAndLeavesNothing()
    {
        var (index, _, tier) = await TestImage.FromFilesAsync(("file", "hello"u8.ToArray()));
        await using var test = await TestSupervisor.StartAsync(index, tier);
        var damaged = Path.Combine(test.Folder, "damaged");
        await File.WriteAllBytesAsync(damaged, index.Bytes.ToArray()[..^40], Token);

        var other = await Assert.ThrowsAsync<IOException>(() => test.Supervisor.MountAsync(test.IndexPath, Digest.Of("x"u8), test.NewMountPoint(), Token));
        var broken = await Assert.ThrowsAsync<IOException>(() => test.Supervisor.MountAsync(damaged, index.Id, test.NewMountPoint(), Token));
        var none = await Assert.ThrowsAsync<IOException>(() => test.Supervisor.MountAsync(Path.Combine(test.Folder, "none"), index.Id, test.NewMountPoint(), Token));
        await using var right = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);

        Assert.Contains("not of", other.Message, StringComparison.Ordinal);
        Assert.Contains("damaged", broken.Message, StringComparison.Ordinal);
        Assert.Contains("none", none.Message, StringComparison.Ordinal);
        Assert.Equal(2, MountTable.Read().Count(e => e.Path.StartsWith(test.Folder, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Start_SupervisorWasKilled_RemovesItsMountsAndOneFolderHasOneSupervisor()
    {
        var (index, _, tier) = await TestImage.FromFilesAsync(("file", "hello"u8.ToArray()));
        await using var test = await TestSupervisor.StartAsync(index, tier);
        var state = Path.Combine(test.Folder, "state two");
        var left = Path.Combine(test.Folder, "left behind");
        Directory.CreateDirectory(left);
        using (var device = FuseDevice.Open())
        {
            FuseMounting.Mount(device, left, $"modal:{state}");
        }

        var removed = ImageFsSupervisor.Start(test.Options with { StateFolder = state }, NullLogger.Instance, TimeProvider.System);
        var second = Assert.Throws<IOException>(() => ImageFsSupervisor.Start(test.Options with { StateFolder = state }, NullLogger.Instance, TimeProvider.System));
        await removed.DisposeAsync();

        Assert.DoesNotContain(MountTable.Read(), e => e.Path == left);
        Assert.Contains("used by another process", second.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_OfAStart_PrefetchesItsChunksInOrder()
    {
        var (index, _, tier) = await TestImage.FromFilesAsync(("a", TestImage.Bytes(200_000)), ("b", TestImage.Bytes(200_000, 2)), ("c", TestImage.Bytes(1_200_000, 3)));
        await using var test = await TestSupervisor.StartAsync(index, tier);
        AccessTrace trace;
        await using (var mount = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token))
        {
            await Shell.RunAsync($"cd {mount.Path}; cat c b > /dev/null");
            trace = await mount.StopTraceAsync();
            await Assert.ThrowsAsync<InvalidOperationException>(mount.StopTraceAsync);
        }

        await using var next = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);
        await next.PrefetchAsync(trace);
        await next.PrefetchAsync(new AccessTrace(Digest.Of("other"u8), []));

        var (b, c) = (index.Find("b"), index.Find("c"));
        Assert.Equal([new(c, 0), new(c, 1), new(c, 2), new(b, 0)], trace.Entries);
    }

    [Fact]
    public async Task KillServer_AgainAndAgainDuringReads_NoReaderSeesAnErrorOrAWrongByte()
    {
        var files = Enumerable.Range(0, 60).Select(i => ($"d{i % 7}/f{i}", TestImage.Bytes(i % 3 == 0 ? 2_500_000 : 30_000, i + 1))).ToArray();
        var (index, _, tier) = await TestImage.FromFilesAsync(files);
        await using var test = await TestSupervisor.StartAsync(index, tier);
        await using var mount = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);
        var list = Path.Combine(test.Folder, "sums");
        await File.WriteAllLinesAsync(list, files.Select(f => $"{Convert.ToHexStringLower(SHA256.HashData(f.Item2))}  {f.Item1}"), Token);

        // Names and pages are dropped all the time, so that lookups, listings and reads are under way whenever the server dies.
        var readers = Enumerable.Range(0, 3).Select(n => Cli.Wrap("/bin/sh").WithWorkingDirectory(mount.Path).WithValidation(CommandResultValidation.None).WithArguments(
            ["-c", $"for i in $(seq 8); do shuf {list} | sha256sum -c --quiet --strict || exit 1; find . -type f | wc -l | grep -qx 60 || exit 2; for f in d*/*; do dd if=$f iflag=nocache count=0 status=none; done; dd if=d0/f0 of=/dev/null bs=64k status=none || exit 3; done"])
            .ExecuteBufferedAsync(Token).Task).ToArray();
        var all = Task.WhenAll(readers);
        var kills = 0;
        while (!all.IsCompleted && kills < 40)
        {
            // Each server serves for a while, however long its start takes on this machine.
            await test.Supervisor.GetStatsAsync(Token);
            await Task.WhenAny(all, Task.Delay(TimeSpan.FromMilliseconds(600 + (kills * 97 % 300)), Token));
            await test.KillServerAsync();
            kills++;
            await File.WriteAllTextAsync("/proc/sys/vm/drop_caches", "2", Token);
        }

        foreach (var reader in await all)
        {
            Assert.True(reader.ExitCode == 0, $"exit code {reader.ExitCode} after {kills} kills: {reader.StandardOutput}{reader.StandardError}");
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills");
        Assert.InRange(kills, 3, 1000);
    }

    [Fact]
    public async Task Mount_RealServer_ReadsThroughItsCacheAlsoAfterAKillAndWithoutTheOrigin()
    {
        var large = TestImage.Bytes(3_000_000);
        var (index, _, tier) = await TestImage.FromFilesAsync(("file", "hello"u8.ToArray()), ("large", large), ("never", TestImage.Bytes(700_000, 2)));
        await using var test = await TestSupervisor.StartAsync(index, tier, realServer: true);
        await using var mount = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token);
        var expected = $"hello{Convert.ToHexStringLower(SHA256.HashData(large))}  -\n";

        var first = await Shell.RunAsync($"cd {mount.Path}; cat file; sha256sum < large");
        await test.KillServerAsync();
        Directory.Delete(Path.Combine(test.Folder, "tier", "pack"), recursive: true);
        await Shell.RunAsync($"cd {mount.Path}; for f in file large; do dd if=$f iflag=nocache count=0 status=none; done");
        var second = await Shell.RunAsync($"cd {mount.Path}; cat file; sha256sum < large");
        var never = await Shell.RunAsync($"cat {mount.Path}/never 2>&1 | tail -c 19");

        Assert.Equal(expected, first);
        Assert.Equal(expected, second);
        Assert.Equal("Input/output error\n", never);
    }

    [Fact]
    public async Task Mount_ServerDoesNotStart_FailsWithTheReasonAndLeavesNothing()
    {
        var (index, _, tier) = await TestImage.FromFilesAsync(("file", "hello"u8.ToArray()));
        await using var test = await TestSupervisor.StartAsync(index, tier);
        var options = test.Options with { StateFolder = Path.Combine(test.Folder, "broken"), ServerCommand = ["/bin/false"] };
        await using var supervisor = ImageFsSupervisor.Start(options, NullLogger.Instance, TimeProvider.System);

        var failure = await Assert.ThrowsAsync<IOException>(() => supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), Token));
        await Assert.ThrowsAsync<IOException>(() => supervisor.GetStatsAsync(Token));

        Assert.Contains("does not start", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(MountTable.Read(), e => e.Path.StartsWith(options.StateFolder, StringComparison.Ordinal));
    }
}
