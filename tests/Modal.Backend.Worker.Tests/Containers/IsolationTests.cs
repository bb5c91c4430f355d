using System.Net;
using System.Net.Sockets;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What code in a gVisor container sees of the machine: nothing.</summary>
public sealed class IsolationTests
{
    [Fact]
    public async Task Read_FilesOfTheHost_FindsNothing()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var secret = Path.Combine(worker.StateDirectory, "secret");
        await File.WriteAllTextAsync(secret, "secret", TestContext.Current.CancellationToken);
        var container = worker.Run("Read");

        Assert.Contains("NotFound", await ReadAsync(container, secret), StringComparison.Ordinal);
        Assert.Contains("NotFound", await ReadAsync(container, worker.StateDirectory), StringComparison.Ordinal);
        Assert.EndsWith("Exception", await ReadAsync(container, "/etc/shadow"), StringComparison.Ordinal);
        Assert.DoesNotContain(await ReadAsync(container, "/proc/1/root"), "work", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_Processes_ShowsOnlyItsOwn()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var other = worker.Run("Square");
        await other.ReadyAsync();
        var container = worker.Run("Read");

        var listing = await ReadAsync(container, "/proc");

        var processes = listing.Split('\n').Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).ToList();
        Assert.Equal(["1"], processes);
        Assert.Contains("Uid:\t65534", await ReadAsync(container, "/proc/self/status"), StringComparison.Ordinal);
        Assert.Contains("CapEff:\t0000000000000000", await ReadAsync(container, "/proc/self/status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_ToAPortOfTheHost_IsRefused()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var container = worker.Run("Connect");

        var result = await container.CallAsync(TestContainer.Arguments(((IPEndPoint)listener.LocalEndpoint).Port));

        Assert.Equal("ConnectionRefused", new PayloadReader(result.Value.Inline.Span).ReadString());
        Assert.False(listener.Pending());
    }

    private static async Task<string> ReadAsync(TestContainer container, string path)
    {
        var result = await container.CallAsync(TestContainer.Arguments(path));
        return new PayloadReader(result.Value.Inline.Span).ReadRequiredString();
    }
}
