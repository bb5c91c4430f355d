using System.Globalization;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>A program that calls one function over one stream: it sends, cancels, acknowledges, loses its connection and resumes, as the Sdk does. The server's side of its connections is as <see cref="ClientService"/> serves them.</summary>
internal sealed class SimulatedClient(World world, FunctionConfiguration function, string streamId)
{
    private readonly SortedDictionary<(ulong Call, ulong Index), Pending> _pending = [];
    private readonly HashSet<(ulong Call, ulong Index)> _finished = [];
    private readonly HashSet<(ulong Call, ulong Index)> _forgotten = [];
    private Connection? _connection;
    private int _connections;
    private ulong _lastSeq;
    private ulong _lastCall;

    public string StreamId => streamId;

    public string FunctionId => function.Spec.FunctionId;

    /// <summary>Gone for good.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>Inputs for which a result must come.</summary>
    public IEnumerable<InputKey> Unfinished => _pending.Where(p => !HasLeft && !p.Value.IsCancelled).Select(p => new InputKey(streamId, p.Key.Call, p.Key.Index));

    public int Finished => _finished.Count;

    public int Sent { get; private set; }

    public void Connect()
    {
        if (_connection is null && !HasLeft)
        {
            _connection = new Connection(world, this, $"{streamId}#{++_connections}");
            _ = ServeAsync(_connection);
        }
    }

    /// <summary>A map of so many inputs, or a single call.</summary>
    public void Call(int inputs)
    {
        if (HasLeft)
        {
            return;
        }

        _lastCall++;
        Sent += inputs;
        var put = new PutInputs();
        for (var i = 0UL; i < (ulong)inputs; i++)
        {
            _pending.Add((_lastCall, i), new Pending());
            put.Inputs.Add(new Input { Call = _lastCall, Index = i });
        }

        Send(new CallRequest { Inputs = put });
    }

    public void CancelLastCall(bool onlyFirst)
    {
        if (_connection is { IsOpened: true } && _pending.Keys.Any(k => k.Call == _lastCall))
        {
            world.Log($"{streamId} cancels call {_lastCall}");
            var cancel = new CancelInputs { Call = _lastCall };
            if (onlyFirst)
            {
                cancel.Indexes.Add(0);
            }

            foreach (var (key, pending) in _pending)
            {
                pending.IsCancelled |= key.Call == _lastCall && (!onlyFirst || key.Index == 0);
            }

            Send(new CallRequest { Cancel = cancel });
        }
    }

    public void Break(long backAfterMs)
    {
        if (_connection is { } connection)
        {
            world.Log($"{connection.Id} breaks");
            connection.Break();
            _connection = null;
            world.Time.After(backAfterMs, Connect);
        }
    }

    public void Leave()
    {
        world.Log($"{streamId} leaves with {_pending.Count} unfinished inputs");
        HasLeft = true;
        _connection?.Break();
        _connection = null;
    }

    private void Send(CallRequest request)
    {
        if (_connection is { IsOpened: true } connection)
        {
            connection.ToServer.Send(request);
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        var grain = world.Functions[FunctionId];
        var outbox = world.Outboxes.GetOrAdd(streamId, static _ => new CallOutbox());
        using var stop = new CancellationTokenSource();
        outbox.Attach(connection.Id, stop);
        try
        {
            if (await grain.OpenStreamAsync(function.AppId, streamId, connection.Id, _lastSeq, fromContainer: false) == OpenStreamResult.UnknownFunction)
            {
                world.Require(grain.Core.IsStopping, $"{FunctionId} is not known.");
                HasLeft = true;
                return;
            }

            var pump = outbox.PumpAsync(
                (message, _) =>
                {
                    connection.ToClient.Send(message);
                    return Task.CompletedTask;
                },
                stop.Token);
            var read = connection.ReadAllAsync(batch => grain.OnClientAsync(new ClientBatch(streamId, connection.Id, batch)));
            await await Task.WhenAny(pump, read);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            // It comes back, or does not.
        }
        finally
        {
            Cancel(stop);
            outbox.Detach(stop);
            OnServerEnded(connection);
            await grain.OnStreamLostAsync(streamId, connection.Id);
        }
    }

    // Not CancelAsync: that goes on in a thread of the pool.
    private static void Cancel(CancellationTokenSource source) => source.Cancel();

    private void OnServerEnded(Connection connection)
    {
        connection.Break();
        if (_connection == connection)
        {
            _connection = null;
            world.Time.After(world.Random.Next(1, 500), Connect);
        }
    }

    private void OnEvent(Connection connection, CallEvent message)
    {
        if (_connection != connection)
        {
            return;
        }

        if (message.Opened is { } opened)
        {
            Resume(connection, opened.Resumed);
        }

        foreach (var result in message.Results?.Results ?? [])
        {
            OnResult(result);
        }

        if (message.Results is not null && world.Random.Next(3) == 0)
        {
            Send(new CallRequest { Ack = new AckResults { Seq = _lastSeq } });
        }
    }

    private void Resume(Connection connection, bool resumed)
    {
        world.Log($"{connection.Id} {(resumed ? "resumes" : "begins")}");
        connection.IsOpened = true;
        _lastSeq = resumed ? _lastSeq : 0;
        // Whether the server has heard of the cancellation is not known; nobody waits for these any more.
        foreach (var key in _pending.Where(p => p.Value.IsCancelled).Select(p => p.Key).ToArray())
        {
            _pending.Remove(key);
            _forgotten.Add(key);
        }

        if (!resumed)
        {
            world.Invariants.OnStreamAnew(streamId);
        }

        if (_pending.Count > 0)
        {
            var put = new PutInputs();
            put.Inputs.AddRange(_pending.Select(p => new Input { Call = p.Key.Call, Index = p.Key.Index, YieldsReceived = p.Value.Yields }));
            Send(new CallRequest { Inputs = put });
        }
    }

    private void OnResult(CallResult result)
    {
        var (key, name) = ((result.Call, result.Index), new InputKey(streamId, result.Call, result.Index));
        world.Require(result.Seq == _lastSeq + 1, $"Result {result.Seq} of {streamId} came after {_lastSeq}.");
        _lastSeq = result.Seq;
        if (!_pending.TryGetValue(key, out var pending))
        {
            world.Require(_forgotten.Contains(key), $"{name} was given {(_finished.Contains(key) ? "a second result" : "a result and was never sent")}: {result}");
            return;
        }

        if (result.Yield is { } element)
        {
            world.Require(result.YieldIndex == pending.Yields, $"Element {result.YieldIndex} of {name} came in place of {pending.Yields}.");
            world.Require(element.Inline.ToStringUtf8() == result.YieldIndex.ToString(CultureInfo.InvariantCulture), $"Element {result.YieldIndex} of {name} is another.");
            pending.Yields++;
            return;
        }

        _pending.Remove(key);
        world.Require(_finished.Add(key), $"{name} has two results.");
        world.Require(result.Failure is not null || (int)pending.Yields == world.Scenario.ScriptOf(name).Yields, $"{name} ended after {pending.Yields} elements.");
        world.Require(result.Failure?.Kind != FailureKind.Cancelled || pending.IsCancelled, $"{name} was cancelled and nobody asked for that.");
        world.Invariants.OnFinal(FunctionId, name, result);
    }

    private sealed class Pending
    {
        public ulong Yields { get; set; }

        public bool IsCancelled { get; set; }
    }

    private sealed class Connection
    {
        private readonly Queue<CallRequest> _inbox = new();
        private TaskCompletionSource _arrived = new();
        private bool _isOver;

        public Connection(World world, SimulatedClient client, string id)
        {
            Id = id;
            ToServer = new Pipe<CallRequest>(world, request =>
            {
                _inbox.Enqueue(request);
                _arrived.TrySetResult();
            });
            ToClient = new Pipe<CallEvent>(world, message => client.OnEvent(this, message));
        }

        public string Id { get; }

        public Pipe<CallRequest> ToServer { get; }

        public Pipe<CallEvent> ToClient { get; }

        public bool IsOpened { get; set; }

        public void Break()
        {
            ToServer.Close();
            ToClient.Close();
            _isOver = true;
            _arrived.TrySetResult();
        }

        public async Task ReadAllAsync(Func<IReadOnlyList<CallRequest>, Task> handle)
        {
            while (!_isOver)
            {
                if (_inbox.Count == 0)
                {
                    _arrived = new TaskCompletionSource();
                    await _arrived.Task;
                    continue;
                }

                CallRequest[] batch = [.. _inbox];
                _inbox.Clear();
                await handle(batch);
            }
        }
    }
}
