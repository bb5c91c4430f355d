using Modal.Backend.Runner.Tests.Harness;
using Modal.Backend.Runner.Tunnels;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Runner.Tests.Tunnels;

public sealed class ServerTunnelsTests : IDisposable
{
    private readonly TestChannel _channel = new();
    private readonly ServerTunnels _tunnels;
    private int _waits;

    public ServerTunnelsTests()
    {
        _tunnels = new ServerTunnels(_channel.Outgoing, () => _waits++);
        _tunnels.BeginContainer("ta-one");
    }

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    public void Dispose() => _channel.Dispose();

    [Fact]
    public async Task Connect_OpensATunnelToTheServerAndLetsAnotherThreadRead()
    {
        await using var stream = await _tunnels.ConnectAsync("ta-one", Limit);
        await stream.WriteAsync(new byte[] { 1, 2 }, Limit);

        await _channel.WaitForAsync("an open and data", static frames => frames.Count >= 2);
        Assert.Equal("server", _channel.Frames[0].Tunnel.Open.Target);
        Assert.Equal([1, 2], _channel.Frames[1].Tunnel.Data.ToByteArray());
        Assert.Equal(2, _waits);
    }

    [Fact]
    public async Task Suspend_Used_ResetsAndWaitsForTheWorker()
    {
        var stream = await _tunnels.ConnectAsync("ta-one", Limit);
        var suspending = Task.Run(_tunnels.Suspend, Limit);
        await _channel.WaitForAsync("the barrier", static frames => frames.Any(static f => f.Tunnel.Open is { Target: "" }));
        var waited = !suspending.IsCompleted;

        _tunnels.OnFrame(new TunnelFrame { Id = _channel.Frames.Single(static f => f.Tunnel.Open is { Target: "" }).Tunnel.Id, Reset = "no such target" });

        await suspending.WaitAsync(TimeSpan.FromSeconds(20), Limit);
        Assert.True(waited);
        Assert.Equal(["open", "reset", "open"], _channel.Frames.Take(3).Select(static f => f.Tunnel.FrameCase.ToString().ToLowerInvariant()));
        await Assert.ThrowsAsync<IOException>(() => stream.ReadAsync(new byte[1], Limit).AsTask());
    }

    [Fact]
    public void Suspend_NeverUsed_SendsNothing()
    {
        _tunnels.Suspend();

        Assert.False(_channel.Outgoing.HasPending);
        Assert.Empty(_channel.Frames);
    }

    [Fact]
    public async Task Connect_WhileSuspended_WaitsForTheEnd()
    {
        _tunnels.Suspend();
        var connecting = _tunnels.ConnectAsync("ta-one", Limit).AsTask();
        var waited = !connecting.IsCompleted;

        _tunnels.Resume();

        await using var stream = await connecting.WaitAsync(TimeSpan.FromSeconds(20), Limit);
        Assert.True(waited);
    }

    [Fact]
    public async Task Connect_InACopyForTheOriginal_IsRefused()
    {
        _tunnels.Suspend();
        var connecting = _tunnels.ConnectAsync("ta-one", Limit).AsTask();
        _tunnels.BeginContainer("ta-two");

        _tunnels.Resume();

        await Assert.ThrowsAsync<IOException>(() => connecting.WaitAsync(TimeSpan.FromSeconds(20), Limit));
        await using var own = await _tunnels.ConnectAsync("ta-two", Limit);
    }

    [Fact]
    public async Task OnFrame_WorkerOpensOne_IsRefusedForNow()
    {
        _tunnels.OnFrame(new TunnelFrame { Id = 1, Open = new TunnelOpen { Target = "port:80" } });

        await _channel.WaitForAsync("a frame", static frames => frames.Count > 0);
        Assert.Contains("port:80", Assert.Single(_channel.Frames, static f => f.Tunnel is not null).Tunnel.Reset, StringComparison.Ordinal);
    }
}
