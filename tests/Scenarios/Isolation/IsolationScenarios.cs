using System.Net;
using System.Net.Sockets;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Isolation;

/// <summary>User code cannot see the host.</summary>
public sealed class IsolationScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Read_HostFile_IsNotThere()
    {
        daemon.RequireGVisor();
        var path = Path.Combine(Path.GetTempPath(), $"host-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(path, "secret of the host", Limit);

        try
        {
            Assert.Equal("FileNotFoundException", await Probes.Remote.Read.CallAsync(path, Limit));
            Assert.DoesNotContain(Environment.MachineName + ":", await Probes.Remote.Read.CallAsync("/etc/shadow", Limit), StringComparison.Ordinal);
            Assert.Equal("DirectoryNotFoundException", await Probes.Remote.Read.CallAsync(Path.Combine(DaemonFixture.StateDirectory, "logs", "daemon.log"), Limit));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Connect_DaemonSocket_Fails()
    {
        daemon.RequireGVisor();

        Assert.Equal("SocketException", await Probes.Remote.ConnectUnix.CallAsync(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"), Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Processes_SeenFromInside_AreTheContainersOwn()
    {
        daemon.RequireGVisor();
        await Jobs.Remote.Square.CallAsync(1, Limit);

        var seen = await Probes.Remote.Processes.CallAsync(Limit);

        Assert.All(seen, line => Assert.Contains("Runner", line, StringComparison.Ordinal));
        Assert.Single(seen);
    }

    [Fact(Timeout = 60_000)]
    public async Task Connect_PortOfTheHost_Fails()
    {
        daemon.RequireGVisor();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        var outcome = await Probes.Remote.ConnectTcp.CallAsync("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, Limit);

        Assert.NotEqual("connected", outcome);
        Assert.False(listener.Pending());
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/modal/code/planted.dll")]
    [InlineData("/modal/runner/planted.dll")]
    [InlineData("/modal/dotnet/planted")]
    [InlineData("/etc/planted")]
    public async Task Write_WhereOthersWouldSeeIt_Fails(string path)
    {
        daemon.RequireGVisor();

        Assert.NotEqual("written", await Probes.Remote.Write.CallAsync(path, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Write_Temp_Works() => Assert.Equal("written", await Probes.Remote.Write.CallAsync("/tmp/own", Limit));

    [Fact(Timeout = 60_000)]
    public async Task Capabilities_AreNone()
    {
        daemon.RequireGVisor();

        var lines = await Probes.Remote.UserAndCapabilities.CallAsync(Limit);

        Assert.DoesNotContain("Uid:\t0", lines, StringComparison.Ordinal);
        Assert.Contains("CapEff:\t0000000000000000", lines, StringComparison.Ordinal);
    }
}
