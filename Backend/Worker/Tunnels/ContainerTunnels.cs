using Microsoft.Extensions.Logging;
using Modal.Backend.Tunnels;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Worker.Tunnels;

/// <summary>
/// Tunnels of one sandbox. Those that its runner opens to the server are connections of the worker's own to it, which begin with the container's name; the worker reads nothing of what goes over them.
/// Nothing that the sandbox sends is trusted, and nothing that it does makes more than a fixed number of bytes, connections and tasks wait here.
/// </summary>
internal sealed class ContainerTunnels : IAsyncDisposable
{
    // What code opens that calls without end is one connection, again when it broke. Each may be answered with a frame that the sandbox never reads, so there must be a limit in time.
    private const int MaxOpensAtOnce = 128;
    private const int OpensPerSecond = 8;

    // Those that are ending beside those that are open.
    private const int MaxConnections = 2 * TunnelSet.MaxOpen;

    private const int CopyBytes = 16 * 1024;

    private readonly string _containerId;
    private readonly Func<CancellationToken, ValueTask<Stream>>? _connect;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TunnelSet _tunnels;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _connections = [];
    private double _opensLeft = MaxOpensAtOnce;
    private long _opensAt;

    /// <param name="containerId">The container.</param>
    /// <param name="connect">Connects to the worker's server; null if the container may not speak to it.</param>
    /// <param name="send">Sends to the runner; must not block.</param>
    /// <param name="time">Limits how often tunnels are opened.</param>
    /// <param name="logger">Told of connections that fail.</param>
    public ContainerTunnels(string containerId, Func<CancellationToken, ValueTask<Stream>>? connect, Action<WorkerFrame> send, TimeProvider time, ILogger logger)
    {
        (_containerId, _connect, _time, _logger) = (containerId, connect, time, logger);
        _opensAt = time.GetTimestamp();
        _tunnels = new TunnelSet(isWorker: true, frame => send(new WorkerFrame { Tunnel = frame }), static () => { }, Accept);
    }

    /// <summary>Takes a frame of the runner. Never blocks; one at a time.</summary>
    /// <returns>What is wrong with it, so that the container must end; null if nothing is.</returns>
    public string? OnFrame(TunnelFrame frame)
    {
        if (frame.FrameCase == TunnelFrame.FrameOneofCase.Open && !MayOpen())
        {
            return "tunnels are opened faster than any program needs them";
        }

        return _tunnels.OnFrame(frame);
    }

    /// <summary>Ends all of them; the sandbox is gone or will be.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _tunnels.BreakAll("the container ends");
        Task[] connections;
        lock (_gate)
        {
            connections = [.. _connections];
        }

        await Task.WhenAll(connections);
    }

    private bool MayOpen()
    {
        var now = _time.GetTimestamp();
        _opensLeft = Math.Min(MaxOpensAtOnce, _opensLeft + (_time.GetElapsedTime(_opensAt, now).TotalSeconds * OpensPerSecond)) - 1;
        _opensAt = now;
        return _opensLeft >= 0;
    }

    private void Accept(Tunnel tunnel, string target)
    {
        if (target != "server")
        {
            tunnel.Reset($"The worker knows no '{target}'.");
            return;
        }

        if (_connect is null)
        {
            tunnel.Reset("The function may not call others: RestrictModalAccess is set.");
            return;
        }

        lock (_gate)
        {
            _connections.RemoveWhere(static c => c.IsCompleted);
            if (_connections.Count < MaxConnections && !_stop.IsCancellationRequested)
            {
                _connections.Add(Task.Run(() => ServeAsync(tunnel, _connect)));
                return;
            }
        }

        tunnel.Reset("Too many connections are being closed.");
    }

    private async Task ServeAsync(Tunnel tunnel, Func<CancellationToken, ValueTask<Stream>> connect)
    {
        await using var opened = tunnel;
        Stream server;
        try
        {
            server = await connect(_stop.Token);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            if (!_stop.IsCancellationRequested)
            {
                Log.ServerNotReached(_logger, _containerId, e.Message);
            }

            tunnel.Reset($"The worker cannot reach its server: {e.Message}");
            return;
        }

        await using var connected = server;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var up = SendAsync(tunnel, server, stop.Token);
        var down = CopyAsync(server, tunnel, stop.Token);

        // Whichever side ends it, HTTP/2 has nothing more to say in the other direction.
        var first = await Task.WhenAny(up, down);
        await stop.CancelAsync();
        await Task.WhenAll(up, down).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (first.IsCompletedSuccessfully)
        {
            tunnel.EndWriting();
        }
    }

    private async Task SendAsync(Tunnel tunnel, Stream server, CancellationToken cancellationToken)
    {
        // First of all: what follows is the container's to choose.
        await server.WriteAsync(ContainerPreface.Write(_containerId), cancellationToken);
        await CopyAsync(tunnel, server, cancellationToken);
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancellationToken)
    {
        var buffer = new byte[CopyBytes];
        while (await from.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            await to.FlushAsync(cancellationToken);
        }
    }
}
