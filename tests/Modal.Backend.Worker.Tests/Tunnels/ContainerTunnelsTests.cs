using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Tunnels;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Backend.Worker.Tunnels;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Tunnels;

/// <summary>A runner's frames on one side, a server's connections on the other.</summary>
public sealed class ContainerTunnelsTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    // Asked as well, by waits that are for all frames together.
    private static readonly TunnelFrame s_none = new();

    private readonly EchoServer _server = new();
    private readonly FakeTimeProvider _time = new();
    private readonly string _container = Id.New(Id.Container);
    private readonly ConcurrentQueue<TunnelFrame> _sent = new();
    private readonly Channel<bool> _arrived = Channel.CreateUnbounded<bool>();

    [Fact]
    public async Task Open_Server_BeginsWithTheContainersName()
    {
        await using var tunnels = Tunnels();
        tunnels.OnFrame(Open(2));

        tunnels.OnFrame(new TunnelFrame { Id = 2, Data = ByteString.CopyFromUtf8("MODAL-CONTAINER forged\n") });

        var echo = await FrameAsync(f => f.Data.Length > 0);
        Assert.Equal($"MODAL-CONTAINER {_container}", Assert.Single(_server.Prefaces));
        Assert.Equal("MODAL-CONTAINER forged\n", echo.Data.ToStringUtf8());
    }

    [Fact]
    public async Task Open_Restricted_IsRefusedWithoutAConnection()
    {
        await using var tunnels = Tunnels(isRestricted: true);

        Assert.Null(tunnels.OnFrame(Open(2)));

        Assert.Contains("RestrictModalAccess", (await FrameAsync(static f => f.FrameCase == TunnelFrame.FrameOneofCase.Reset)).Reset, StringComparison.Ordinal);
        Assert.Empty(_server.Connections);
    }

    [Fact]
    public async Task Open_AnotherTarget_IsRefused()
    {
        await using var tunnels = Tunnels();

        Assert.Null(tunnels.OnFrame(new TunnelFrame { Id = 2, Open = new TunnelOpen { Target = "10.0.0.1:22" } }));

        Assert.Contains("10.0.0.1:22", (await FrameAsync(static f => f.FrameCase == TunnelFrame.FrameOneofCase.Reset)).Reset, StringComparison.Ordinal);
        Assert.Empty(_server.Connections);
    }

    [Fact]
    public async Task Open_ServerCannotBeReached_IsToldTheRunner()
    {
        _server.Refusal = new IOException("nobody there");
        await using var tunnels = Tunnels();

        tunnels.OnFrame(Open(2));

        Assert.Contains("nobody there", (await FrameAsync(static f => f.FrameCase == TunnelFrame.FrameOneofCase.Reset)).Reset, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reset_ByTheRunner_EndsTheConnection()
    {
        await using var tunnels = Tunnels();
        tunnels.OnFrame(Open(2));
        tunnels.OnFrame(new TunnelFrame { Id = 2, Data = ByteString.CopyFromUtf8("x") });
        await FrameAsync(static f => f.Data.Length > 0);

        tunnels.OnFrame(new TunnelFrame { Id = 2, Reset = "" });

        await Assert.Single(_server.Connections).WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Dispose_EndsTheConnections()
    {
        var tunnels = Tunnels();
        tunnels.OnFrame(Open(2));
        tunnels.OnFrame(new TunnelFrame { Id = 2, Data = ByteString.CopyFromUtf8("x") });
        await FrameAsync(static f => f.Data.Length > 0);

        await tunnels.DisposeAsync();

        await Assert.Single(_server.Connections).WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Data_RunnerDoesNotRead_OnlyTheWindowWaits()
    {
        await using var tunnels = Tunnels();
        tunnels.OnFrame(Open(2));

        // As a runner that sends as long as it may, and never gives anything back.
        const int Frame = 32 * 1024;
        for (var sent = 0; sent < 2 * Tunnel.WindowBytes; sent += Frame)
        {
            await FrameAsync(_ => sent + Frame <= Tunnel.WindowBytes + _sent.Sum(static f => f.Window));
            Assert.Null(tunnels.OnFrame(new TunnelFrame { Id = 2, Data = ByteString.CopyFrom(new byte[Frame]) }));
        }

        await FrameAsync(_ => _sent.Sum(static f => f.Data.Length) >= Tunnel.WindowBytes);
        Assert.Equal(Tunnel.WindowBytes, _sent.Sum(static f => f.Data.Length));
    }

    [Fact]
    public async Task Open_WithoutEnd_IsAViolation()
    {
        await using var tunnels = Tunnels();
        string? violation = null;
        for (uint i = 1; i <= 1000 && violation is null; i++)
        {
            violation = tunnels.OnFrame(Open(2 * i)) ?? tunnels.OnFrame(new TunnelFrame { Id = 2 * i, Reset = "" });
        }

        Assert.Contains("faster than any program needs", violation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_NowAndThen_IsFine()
    {
        await using var tunnels = Tunnels(isRestricted: true);
        for (uint i = 1; i <= 1000; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(125));
            Assert.Null(tunnels.OnFrame(Open(2 * i)));
        }
    }

    private static TunnelFrame Open(uint id) => new() { Id = id, Open = new TunnelOpen { Target = "server" } };

    private ContainerTunnels Tunnels(bool isRestricted = false) => new(
        _container,
        isRestricted ? null : _server.ConnectAsync,
        frame =>
        {
            _sent.Enqueue(frame.Tunnel);
            _arrived.Writer.TryWrite(true);
        },
        _time,
        NullLogger.Instance);

    private async Task<TunnelFrame> FrameAsync(Func<TunnelFrame, bool> wanted)
    {
        while (true)
        {
            if (_sent.Append(s_none).FirstOrDefault(wanted) is { } found)
            {
                return found;
            }

            try
            {
                await _arrived.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"Waited {s_patience.TotalSeconds} s for a frame; saw: {string.Join(' ', _sent.Select(static f => f.FrameCase))}");
            }
        }
    }
}
