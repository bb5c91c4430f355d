using System.Globalization;
using Modal.Backend.Host.Daemon;
using Modal.Backend.Host.Tests.Harness;
using Xunit;

namespace Modal.Backend.Host.Tests.Daemon;

public sealed class SingleInstanceTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public void TryTake_Taken_IsNullUntilItIsReleased()
    {
        var options = new HostOptions { StateDirectory = Directory.CreateTempSubdirectory("modal-lock-").FullName };
        try
        {
            using (var first = SingleInstance.TryTake(options))
            {
                Assert.NotNull(first);
                Assert.Null(SingleInstance.TryTake(options));
            }

            using var second = SingleInstance.TryTake(options);
            Assert.NotNull(second);
        }
        finally
        {
            Directory.Delete(options.StateDirectory, recursive: true);
        }
    }

    [Fact]
    public async Task TakeAsync_WorkerBesideAServer_WaitsForTheOneThatDies()
    {
        var options = server.Options with { Role = HostRole.Worker };
        using var dying = SingleInstance.TryTake(options);
        Assert.NotNull(dying);

        var taken = SingleInstance.TakeAsync(options, TestContext.Current.CancellationToken);
        Assert.False(taken.IsCompleted);
        dying.Dispose();

        using var next = await taken;
        Assert.NotNull(next);
    }

    [Fact]
    public async Task TakeAsync_DaemonThatAnswers_IsNull()
    {
        // The test's server listens and takes no lock.
        using var held = new FileStream(Path.Combine(server.Options.StateDirectory, "daemon.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

        Assert.Null(await SingleInstance.TakeAsync(server.Options, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void TryTake_SocketOfAKilledDaemon_IsRemoved()
    {
        var options = new HostOptions { StateDirectory = Directory.CreateTempSubdirectory("modal-lock-").FullName };
        try
        {
            File.WriteAllText(options.Socket, "");
            using var instance = SingleInstance.TryTake(options);
            Assert.False(File.Exists(options.Socket));
        }
        finally
        {
            Directory.Delete(options.StateDirectory, recursive: true);
        }
    }

    [Fact]
    public void Server_Running_ListensOnNoPort()
    {
        Assert.True(File.Exists(server.Options.Socket));
        var mine = Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(TargetOf)
            .OfType<string>().Where(n => n.StartsWith("socket:[", StringComparison.Ordinal)).Select(n => n["socket:[".Length..^1]).ToHashSet(StringComparer.Ordinal);

        Assert.DoesNotContain(Listening("/proc/self/net/tcp").Concat(Listening("/proc/self/net/tcp6")), l => mine.Contains(l.Inode));
    }

    // Null for one that was closed since it was listed, as the listing's own is.
    private static string? TargetOf(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name;
        }
        catch (IOException)
        {
            return null;
        }
    }

    // Columns of proc_net_tcp(5): 1 local address, 3 state (0A is LISTEN), 9 inode.
    private static IEnumerable<(int Port, string Inode)> Listening(string file) => File.Exists(file)
        ? File.ReadLines(file).Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(c => c[3] == "0A")
            .Select(c => (int.Parse(c[1].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture), c[9]))
        : [];
}
