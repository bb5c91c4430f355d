using Google.Protobuf;
using Modal.Backend.Runner.Tests.Harness;
using Modal.Backend.Tunnels;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Runner.Tests.Tunnels;

/// <summary>What both ends of the channel do alike: windows, ends, and what is refused.</summary>
public sealed class TunnelTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly TunnelPair _pair = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Open_EitherSide_CarriesBytesBothWays(bool byWorker)
    {
        var near = (byWorker ? _pair.Worker : _pair.Runner).Open("there");
        var (far, target) = Assert.Single(byWorker ? _pair.AcceptedByRunner : _pair.AcceptedByWorker);

        await near.WriteAsync(new byte[] { 1, 2, 3 }, Limit);
        await far.WriteAsync(new byte[] { 4 }, Limit);
        near.EndWriting();
        far.EndWriting();

        Assert.Equal("there", target);
        Assert.Equal([1, 2, 3], await ReadAllAsync(far));
        Assert.Equal([4], await ReadAllAsync(near));
        Assert.Equal((0, 0), (_pair.Runner.Count, _pair.Worker.Count));
        Assert.Empty(_pair.Violations);
    }

    [Fact]
    public async Task Write_MoreThanTheWindow_WaitsUntilTheOtherSideReads()
    {
        var near = _pair.Runner.Open("there");
        var far = _pair.AcceptedByWorker[0].Tunnel;
        var bytes = new byte[3 * Tunnel.WindowBytes];
        Random.Shared.NextBytes(bytes);

        var writing = near.WriteAsync(bytes, Limit).AsTask();
        var sentBefore = DataBytes();
        var waited = !writing.IsCompleted;
        var read = new byte[bytes.Length];
        await far.ReadExactlyAsync(read, Limit);
        await writing.WaitAsync(s_patience, Limit);

        Assert.True(waited);
        Assert.Equal(Tunnel.WindowBytes, sentBefore);
        Assert.Equal(bytes, read);
        Assert.All(_pair.Sent, static f => Assert.InRange(f.Data.Length, 0, Tunnel.MaxDataBytes));
        Assert.Empty(_pair.Violations);
    }

    [Fact]
    public async Task Write_OneTunnelStandsStill_AnotherGoesOn()
    {
        var full = _pair.Runner.Open("full");
        _ = full.WriteAsync(new byte[2 * Tunnel.WindowBytes], Limit).AsTask();
        var near = _pair.Runner.Open("there");

        await near.WriteAsync(new byte[] { 7 }, Limit);

        var read = new byte[1];
        await _pair.AcceptedByWorker[1].Tunnel.ReadExactlyAsync(read, Limit);
        Assert.Equal(7, read[0]);
    }

    [Fact]
    public async Task Reset_WhileTheOtherSideWaits_EndsItWithTheReason()
    {
        var near = _pair.Runner.Open("there");
        var writing = near.WriteAsync(new byte[2 * Tunnel.WindowBytes], Limit).AsTask();
        var reading = near.ReadAsync(new byte[1], Limit).AsTask();

        _pair.AcceptedByWorker[0].Tunnel.Reset("no more");

        Assert.Contains("no more", (await Assert.ThrowsAsync<IOException>(() => writing.WaitAsync(s_patience, Limit))).Message, StringComparison.Ordinal);
        Assert.Contains("no more", (await Assert.ThrowsAsync<IOException>(() => reading.WaitAsync(s_patience, Limit))).Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (_pair.Runner.Count, _pair.Worker.Count));
    }

    [Fact]
    public async Task Reset_AfterTheEnd_WhatCameBeforeIsStillRead()
    {
        var near = _pair.Runner.Open("there");
        var far = _pair.AcceptedByWorker[0].Tunnel;
        await near.WriteAsync(new byte[] { 1, 2 }, Limit);
        near.EndWriting();

        await near.DisposeAsync();

        Assert.Equal([1, 2], await ReadAllAsync(far));
    }

    [Fact]
    public void Open_MoreThanMayBe_ThrowsHere()
    {
        for (var i = 0; i < TunnelSet.MaxOpen; i++)
        {
            _pair.Runner.Open("there");
        }

        Assert.Throws<IOException>(() => _pair.Runner.Open("there"));
        _pair.AcceptedByWorker[3].Tunnel.Reset("");
        _pair.Runner.Open("there");
        Assert.Empty(_pair.Violations);
    }

    [Fact]
    public async Task ResetAll_EndsEachAndTellsTheOtherSide()
    {
        var near = _pair.Runner.Open("one");
        _pair.Runner.Open("two");

        _pair.Runner.ResetAll("bye");

        await Assert.ThrowsAsync<IOException>(() => near.ReadAsync(new byte[1], Limit).AsTask());
        Assert.Equal((0, 0), (_pair.Runner.Count, _pair.Worker.Count));
    }

    public static TheoryData<string, TunnelFrame[]> Hostile { get; } = new()
    {
        { "a tunnel with number 3", [Open(3)] },
        { "a tunnel with number 0", [Open(0)] },
        { "a tunnel with number 2, after 2", [Open(2), Open(2)] },
        { "a tunnel with number 2, after 4", [Open(4), Open(2)] },
        { "more than 16 tunnels", [.. Enumerable.Range(1, 17).Select(static i => Open(2 * (uint)i))] },
        { "a target of 300 characters", [new TunnelFrame { Id = 2, Open = new TunnelOpen { Target = new string('x', 300) } }] },
        { "0 bytes in a frame", [Open(2), Data(2, 0)] },
        { "65537 bytes in a frame", [Open(2), Data(2, 65_537)] },
        { "whose window has 0 left", [Open(2), Data(2, 65_536), Data(2, 65_536), Data(2, 65_536), Data(2, 65_536), Data(2, 1)] },
        { "1 bytes given back", [Open(2), new TunnelFrame { Id = 2, Window = 1 }] },
        { "0 bytes given back", [Open(2), new TunnelFrame { Id = 2, Window = 0 }] },
        { "4294967295 bytes given back", [Open(2), new TunnelFrame { Id = 2, Window = uint.MaxValue }] },
        { "data on tunnel 2 after its end", [Open(2), End(2), Data(2, 1)] },
        { "came twice", [Open(2), End(2), End(2)] },
        { "none of those known", [Open(2), new TunnelFrame { Id = 2 }] },
    };

    [Theory, MemberData(nameof(Hostile))]
    public void OnFrame_WhatNoRunnerSends_IsSaid(string violation, TunnelFrame[] frames)
    {
        var said = frames.Select(_pair.Worker.OnFrame).ToArray();

        Assert.All(said[..^1], Assert.Null);
        Assert.Contains(violation, said[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void OnFrame_OfATunnelThatIsNotOpen_IsDropped()
    {
        Assert.Null(_pair.Worker.OnFrame(Data(8, 65_536)));
        Assert.Null(_pair.Worker.OnFrame(End(8)));
        Assert.Null(_pair.Worker.OnFrame(new TunnelFrame { Id = 8, Reset = "" }));
        Assert.Empty(_pair.Sent);
    }

    [Fact]
    public void OnFrame_AfterAReset_NothingIsKept()
    {
        _pair.Worker.OnFrame(Open(2));
        _pair.AcceptedByWorker[0].Tunnel.Reset("");

        Assert.All(Enumerable.Range(0, 100), _ => Assert.Null(_pair.Worker.OnFrame(Data(2, 65_536))));
        Assert.Equal(0, _pair.Worker.Count);
    }

    private static TunnelFrame Open(uint id) => new() { Id = id, Open = new TunnelOpen { Target = "server" } };

    private static TunnelFrame Data(uint id, int bytes) => new() { Id = id, Data = ByteString.CopyFrom(new byte[bytes]) };

    private static TunnelFrame End(uint id) => new() { Id = id, End = true };

    private static async Task<byte[]> ReadAllAsync(Stream stream)
    {
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, Limit).WaitAsync(s_patience, Limit);
        return all.ToArray();
    }

    private int DataBytes() => _pair.Sent.Sum(static f => f.Data.Length);
}
