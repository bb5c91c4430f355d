using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

/// <summary>
/// Clients, workers and time around a <see cref="FunctionCore"/>, moved by random choices from one seed. Checks with every step what must always hold, and in the end
/// that every input has exactly one final result.
/// </summary>
internal sealed class World : IFunctionActions
{
    private readonly Random _random;
    private readonly FunctionCore _core;
    private readonly FunctionSettings _settings;
    private readonly Dictionary<string, Client> _clients = [];
    private readonly List<string> _requested = [];
    private readonly List<string> _starting = [];
    private readonly Dictionary<string, List<Attempt>> _ready = [];
    private readonly List<(string Container, Attempt Attempt)> _cancelled = [];
    private readonly List<string> _stopping = [];
    private readonly HashSet<string> _used = [];
    private long _now = 1;
    private int _containers;

    public World(int seed)
    {
        _random = new Random(seed);
        var concurrency = _random.Next(1, 4);
        var kind = _random.Next(5);
        _settings = new FunctionSettings
        {
            Concurrency = kind == 0 ? concurrency : kind == 1 ? 3 : 1,
            TargetConcurrency = kind == 1 ? 2 : 0,
            BatchSize = kind == 2 ? _random.Next(1, 6) : 0,
            BatchWaitMs = _random.Next(0, 2) * 700,
            IsSingleUse = kind >= 2 && _random.Next(2) == 0,
            Retries = _random.Next(0, 3),
            RetryBackoff = _random.Next(1, 3),
            MaxContainers = _random.Next(1, 6),
            BufferContainers = _random.Next(0, 3),
            ScaledownWindowMs = 2_000,
        };
        if (kind == 4)
        {
            var size = _random.Next(2, 4);
            _settings = _settings with { Concurrency = _settings.IsSingleUse ? 1 : concurrency, ClusterSize = size, MaxContainers = size * _settings.MaxContainers, BufferContainers = size * _settings.BufferContainers };
        }

        _core = new FunctionCore(_settings, this, () => $"ta-{++_containers}");
    }

    public void Step()
    {
        _now += _random.Next(0, 400);
        switch (_random.Next(0, 16))
        {
            case 0 when _clients.Count < 3:
                Open(new Client($"fc-{_clients.Count}"));
                break;
            case 1 or 2 or 3 when Pick(_clients.Values) is { Attached: true } client:
                AddInputs(client);
                break;
            case 4 or 5 when Pick(_requested) is { } requested:
                _requested.Remove(requested);
                if (_core.OnPlaced(requested, $"wk-{_random.Next(2)}", _now) is not null)
                {
                    _starting.Add(requested);
                }

                break;
            case 6 or 7 when Pick(_starting) is { } starting:
                Started(starting, fails: _random.Next(10) == 0);
                break;
            case 8 or 9 or 10 when Pick(_ready.Where(c => c.Value.Count > 0).Select(c => c.Key)) is { } busy:
                Answer(busy, cooperative: false);
                break;
            case 11 when _random.Next(3) == 0 && Pick(_ready.Keys) is { } dying:
                Exit(dying);
                break;
            case 12 when !_settings.IsBatched && Pick(_ready.Where(c => c.Value.Count > _settings.Concurrency).Select(c => c.Key)) is { } returning:
                Return(returning);
                break;
            case 13 when _random.Next(4) == 0 && Pick(_clients.Values) is { Attached: true } cancelling:
                cancelling.CancelledCalls.Add(cancelling.LastCall);
                _core.CancelInputs(cancelling.Id, cancelling.LastCall, [], _now);
                break;
            case 14 when Pick(_clients.Values) is { } acknowledging:
                acknowledging.Acknowledged = acknowledging.LastSeq;
                _core.AcknowledgeResults(acknowledging.Id, acknowledging.LastSeq);
                break;
            case 13 when Pick(_stopping) is { } stopping:
                Stopped(stopping);
                break;
            case 15 when Pick(_clients.Values) is { } reconnecting:
                reconnecting.Attached = false;
                _core.DetachStream(reconnecting.Id);
                Open(reconnecting);
                break;
        }

        _core.Wake(_now);
    }

    /// <summary>From here on everything works: all must finish.</summary>
    public void Finish()
    {
        for (var round = 0; round < 20_000 && _clients.Values.Any(c => c.Unfinished.Count > 0); round++)
        {
            _now += 100;
            foreach (var stopping in _stopping.ToArray())
            {
                Stopped(stopping);
            }

            foreach (var requested in _requested.ToArray())
            {
                _requested.Remove(requested);
                if (_core.OnPlaced(requested, "wk-0", _now) is not null)
                {
                    _starting.Add(requested);
                }
            }

            foreach (var starting in _starting.ToArray())
            {
                Started(starting, fails: false);
            }

            foreach (var busy in _ready.Keys.Where(c => _ready[c].Count > 0 || _cancelled.Any(x => x.Container == c)).ToArray())
            {
                Answer(busy, cooperative: true);
            }

            _core.Wake(_now);
        }

        var containers = string.Join("; ", _core.Containers.Select(c => $"{c.Id} {c.Phase} holds {c.Inputs.Count} of {c.Credit}{(c.IsReserved ? " reserved" : "")}{(c.HoldsSuspect ? " suspect" : "")}"));
        Assert.True(
            _clients.Values.All(c => c.Unfinished.Count == 0),
            $"{_clients.Values.Sum(c => c.Unfinished.Count)} inputs never finished; {_core.Queued} queued, {_core.Running} running; concurrency {_settings.Concurrency}; containers: {containers}; "
            + $"requested {string.Join(' ', _requested)}, starting {string.Join(' ', _starting)}, ready {string.Join(' ', _ready.Select(r => $"{r.Key}:{r.Value.Count}"))}");
        Assert.Equal(0, _core.Queued);
        Assert.Equal(0, _core.Running);
    }

    public void Deliver(string streamId, CallResults results)
    {
        var client = _clients[streamId];
        foreach (var result in results.Results)
        {
            var key = (result.Call, result.Index);
            if (client.Final.TryGetValue(key, out var before))
            {
                Assert.Equal(before, result.Seq);
                continue;
            }

            Assert.True(result.Seq > client.Acknowledged, "An acknowledged result came again.");
            client.Final.Add(key, result.Seq);
            client.LastSeq = Math.Max(client.LastSeq, result.Seq);
            Assert.True(client.Unfinished.Remove(key), "A result came for an input that was never sent.");
        }
    }

    public void Dispatch(ContainerState container, DispatchInputs inputs)
    {
        Assert.Equal(container.Id, inputs.ContainerId);
        var held = _ready[container.Id];
        foreach (var attempt in inputs.Attempts)
        {
            var client = _clients[attempt.Input.StreamId];
            Assert.False(client.Final.ContainsKey((attempt.Input.Call, attempt.Input.Index)), "An input with a result ran again.");
            Assert.DoesNotContain(_ready.Where(c => !IsOfSameCluster(c.Key, container) && !(_settings.IsClustered && _stopping.Contains(c.Key))).SelectMany(c => c.Value), h => h.Input.Equals(attempt.Input));
            held.Add(attempt);
        }

        Assert.InRange(held.Count, 0, Math.Max(256, _settings.Concurrency));
        if (_settings.IsSingleUse)
        {
            Assert.True(_used.Add(container.Id), "A container that serves one input was given a second.");
            Assert.True(_settings.IsBatched || inputs.Attempts.Count == 1);
        }

        if (_settings.IsBatched)
        {
            Assert.Equal(inputs.Attempts.Count, held.Count);
            Assert.InRange(inputs.Attempts.Count, 1, _settings.BatchSize);
            Assert.All(inputs.Attempts, a => Assert.Equal((inputs.Attempts[0].Batch, inputs.Attempts.Count), (a.Batch, a.BatchSize)));
        }
    }

    // Its container answers later; nobody waits for it, and the client may even send the input anew.
    public void CancelAttempts(ContainerState container, CancelAttempts cancel)
    {
        foreach (var attempt in _ready[container.Id].Where(h => cancel.Inputs.Contains(h.Input)).ToArray())
        {
            _ready[container.Id].Remove(attempt);
            _cancelled.Add((container.Id, attempt));
        }
    }

    public void RequestContainer(ContainerState container)
    {
        _requested.Add(container.Id);
        Assert.InRange(_core.Containers.Count, 0, _settings.MaxContainers + _core.Containers.Count(c => c.Phase == ContainerPhase.Stopping));
    }

    public void WithdrawRequest(ContainerState container) => _requested.Remove(container.Id);

    public void StopContainer(ContainerState container, TimeSpan grace, string reason)
    {
        if (_ready.TryGetValue(container.Id, out var held) && !_settings.IsClustered)
        {
            Assert.Empty(held);
        }

        _stopping.Remove(container.Id);
        _stopping.Add(container.Id);
    }

    public void Released(ContainerState container)
    {
        _ready.Remove(container.Id);
        _starting.Remove(container.Id);
        _requested.Remove(container.Id);
        _stopping.Remove(container.Id);
    }

    private bool IsOfSameCluster(string id, ContainerState container) => container.Cluster is { } cluster && _core.FindContainer(id)?.Cluster == cluster;

    private void Open(Client client)
    {
        _clients[client.Id] = client;
        client.Attached = true;
        _core.OpenStream(client.Id, client.LastSeq, _now);
        var again = client.Unfinished.Select(k => new Input { Call = k.Call, Index = k.Index }).ToList();
        Assert.True(_core.AddInputs(client.Id, again, _now));
    }

    private void AddInputs(Client client)
    {
        client.LastCall++;
        var inputs = Enumerable.Range(0, _random.Next(1, 40)).Select(i => new Input { Call = client.LastCall, Index = (ulong)i }).ToList();
        client.Unfinished.UnionWith(inputs.Select(i => (i.Call, i.Index)));
        Assert.True(_core.AddInputs(client.Id, inputs, _now));

        // What was sent before may come again.
        var known = client.Unfinished.Concat(client.Final.Keys).Where(_ => _random.Next(10) == 0).Select(k => new Input { Call = k.Call, Index = k.Index }).ToList();
        Assert.True(_core.AddInputs(client.Id, known, _now));
    }

    private void Stopped(string id)
    {
        _stopping.Remove(id);
        _starting.Remove(id);
        _ready.Remove(id);
        _core.OnExited(id, ExitReason.Stopped, null, _now);
    }

    private void Started(string id, bool fails)
    {
        _starting.Remove(id);
        if (fails)
        {
            _core.OnExited(id, ExitReason.StartupFailed, new Failure { Kind = FailureKind.Startup, Message = "no start" }, _now);
            return;
        }

        _ready[id] = [];
        _core.OnReady(id, [], _now);
    }

    private void Answer(string id, bool cooperative)
    {
        var held = _ready[id];
        var answered = held.Take(cooperative ? held.Count : _random.Next(1, held.Count + 1)).ToList();
        var results = new List<AttemptResult>();
        foreach (var attempt in answered)
        {
            if (!cooperative && _random.Next(8) == 0)
            {
                // Of an attempt that is over: must change nothing.
                results.Add(new AttemptResult { Input = attempt.Input, Attempt = attempt.Attempt_ - 1, Value = new Payload() });
                continue;
            }

            held.Remove(attempt);
            var fails = !cooperative && _random.Next(6) == 0;
            results.Add(fails
                ? new AttemptResult { Input = attempt.Input, Attempt = attempt.Attempt_, RunUs = 500, Failure = new Failure { Kind = FailureKind.UserException, Message = "it threw" } }
                : new AttemptResult { Input = attempt.Input, Attempt = attempt.Attempt_, RunUs = 500, Value = new Payload() });
        }

        foreach (var cancelled in _cancelled.Where(c => c.Container == id && (cooperative || _random.Next(2) == 0)).ToArray())
        {
            _cancelled.Remove(cancelled);
            results.Add(new AttemptResult
            {
                Input = cancelled.Attempt.Input,
                Attempt = cancelled.Attempt.Attempt_,
                Failure = new Failure { Kind = FailureKind.Cancelled, Message = "cancelled" },
            });
        }

        _core.OnResults(id, results, _now);
    }

    private void Exit(string id)
    {
        var held = _ready[id];
        var reason = _random.Next(3) switch { 0 => ExitReason.Lost, 1 => ExitReason.Ambiguous, _ => ExitReason.UserCode };
        if (reason == ExitReason.UserCode && held.Count > 0)
        {
            var guilty = held[0];
            held.RemoveAt(0);
            _core.OnResults(id, [new AttemptResult { Input = guilty.Input, Attempt = guilty.Attempt_, Failure = new Failure { Kind = FailureKind.Exited, Message = "it ended" } }], _now);
        }

        _ready.Remove(id);
        _core.OnExited(id, reason, new Failure { Kind = FailureKind.Crashed, Message = "it died" }, _now);
    }

    private void Return(string id)
    {
        var held = _ready[id];
        var unbegun = held.Skip(_settings.Concurrency).ToList();
        held.RemoveRange(_settings.Concurrency, unbegun.Count);
        _core.OnReturned(id, [.. unbegun.Select(a => a.Input)], _now);
    }

    private T? Pick<T>(IEnumerable<T> items)
        where T : class => items.ToArray() is { Length: > 0 } all ? all[_random.Next(all.Length)] : null;

    private sealed class Client(string id)
    {
        public string Id { get; } = id;

        public bool Attached { get; set; }

        public ulong LastCall { get; set; }

        public ulong LastSeq { get; set; }

        public ulong Acknowledged { get; set; }

        public HashSet<ulong> CancelledCalls { get; } = [];

        public HashSet<(ulong Call, ulong Index)> Unfinished { get; } = [];

        public Dictionary<(ulong Call, ulong Index), ulong> Final { get; } = [];
    }
}
