using System.Globalization;
using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>A container as the server sees one: it starts or fails, runs inputs in its slots or a batch at once, hands back what it has not begun, and dies.</summary>
internal sealed class SimulatedContainer(World world, SimulatedWorker worker, StartContainer start)
{
    // A running input that takes longer hands back those behind it.
    private const long StuckMs = 100;

    private readonly List<Held> _held = [];
    private readonly Dictionary<InputKey, int> _earlier = [];
    private bool _isGone;
    private bool _isStopping;

    public string Id => start.ContainerId;

    public StartContainer Start => start;

    public bool IsReady { get; private set; }

    private bool IsBatched => start.Function.BatchMaxSize > 0;

    private int Rank => start.ClusterRank;

    private int Slots => Math.Max(1, start.Function.MaxConcurrentInputs);

    public void Begin() => After(world.Random.Next(0, world.Scenario.MaxStartMs + 1), () =>
    {
        if (world.Chance(0.05))
        {
            var failure = new Failure { Kind = FailureKind.Startup, Message = "no start", Exception = world.Random.Next(4) == 0 ? new RemoteExceptionInfo { Type = "X" } : null };
            Exit(ExitReason.StartupFailed, failure);
            return;
        }

        IsReady = true;
        worker.Post(new WorkerMessage { Ready = new ContainerReady { ContainerId = Id } });
        if (world.Chance(0.1))
        {
            After(world.Random.Next(1, 5_000), () => Exit(ExitReason.Lost, new Failure { Kind = FailureKind.Lost, Message = "killed from outside" }));
        }
    });

    public void Dispatch(IEnumerable<Attempt> attempts)
    {
        foreach (var attempt in attempts)
        {
            var key = InputKey.Of(attempt.Input);
            if (_earlier.TryGetValue(key, out var before) && world.Chance(0.5))
            {
                // Of an attempt that is over: must change nothing.
                Report(new AttemptResult { Input = attempt.Input, Attempt = before, RunUs = 1, Value = PayloadOf(before) });
            }

            _earlier[key] = attempt.Attempt_;
            _held.Add(new Held(attempt, key));
        }

        BeginNext();
    }

    public void Cancel(IEnumerable<InputRef> inputs)
    {
        foreach (var key in inputs.Select(InputKey.Of))
        {
            if (_held.Find(h => h.Key == key && !h.IsCancelled) is { } held)
            {
                held.IsCancelled = true;
                if (!IsBatched && (!held.HasBegun || world.Random.Next(2) == 0))
                {
                    End(held, new AttemptResult { Failure = new Failure { Kind = FailureKind.Cancelled, Message = "cancelled" } });
                }
            }
        }

        BeginNext();
    }

    public void Stop(long graceMs, string reason)
    {
        world.Log($"{world.Name(Id)} is to stop within {graceMs} ms: {reason}");
        _isStopping = true;
        if (!IsReady || graceMs == 0)
        {
            After(0, () => Exit(ExitReason.Stopped, null));
            return;
        }

        ExitWhenEmpty();
        After(graceMs, () => Exit(ExitReason.Stopped, null));
    }

    /// <summary>Its worker is gone, or ends it without a word.</summary>
    public void Vanish() => _isGone = true;

    private void After(long delayMs, Action action) => world.Time.After(delayMs, () =>
    {
        if (!_isGone)
        {
            action();
        }
    });

    private void BeginNext()
    {
        if (IsBatched)
        {
            if (_held.Count > 0 && !_held[0].HasBegun && _held.Count == _held[0].Attempt.BatchSize)
            {
                var serviceMs = _held.Max(h => world.Scenario.ScriptOf(h.Key).ServiceMs);
                _held.ToList().ForEach(h => Begin(h, serviceMs));
            }

            return;
        }

        while (_held.Count(h => h.HasBegun) < Slots && _held.Find(h => !h.HasBegun) is { } next)
        {
            // Members of a cluster end one after the other.
            Begin(next, world.Scenario.ScriptOf(next.Key).ServiceMs + (13 * Rank));
        }
    }

    private void Begin(Held held, long serviceMs)
    {
        held.HasBegun = true;
        held.BeganMs = world.Time.NowMs;
        var script = world.Scenario.ScriptOf(held.Key);
        for (var i = 0; i < script.Yields; i++)
        {
            var index = (ulong)i;
            After(serviceMs * (i + 1) / (script.Yields + 1), () =>
            {
                if (_held.Contains(held))
                {
                    Report(new AttemptResult { Input = held.Attempt.Input, Attempt = held.Attempt.Attempt_, Yield = PayloadOf((int)index), YieldIndex = index });
                }
            });
        }

        After(serviceMs, () => Finish(held, script));
        if (!IsBatched && serviceMs > StuckMs)
        {
            After(StuckMs, () => ReturnUnbegun(held));
        }
    }

    private void Finish(Held held, InputScript script)
    {
        if (!_held.Contains(held))
        {
            return;
        }

        if (world.Invariants.FailuresOf(held.Key) >= script.Failures || world.IsCalm || !IsGuilty(held))
        {
            // What another than rank 0 returns must reach no client.
            End(held, script.Yields > 0 ? new AttemptResult { Done = true } : new AttemptResult { Value = PayloadOf(Rank == 0 ? held.Attempt.Attempt_ : -1) });
        }
        else
        {
            Misbehave(held, script);
        }

        BeginNext();
    }

    // Of a cluster's members one fails.
    private bool IsGuilty(Held held) => start.ClusterSize == 0 || (int)((held.Key.Index + (ulong)world.Invariants.FailuresOf(held.Key)) % (ulong)start.ClusterSize) == Rank;

    private void Misbehave(Held held, InputScript script)
    {
        var failure = new Failure { Kind = script.Kind, Message = script.Kind.ToString() };
        switch (script.Kind)
        {
            case FailureKind.Crashed when _held.Count > 1 && world.Random.Next(2) == 0:
            case FailureKind.Crashed when _held.Count == 1 && world.Random.Next(5) == 0:
                Exit(ExitReason.Ambiguous, failure);
                break;
            case FailureKind.Crashed:
            case FailureKind.Timeout when world.Random.Next(2) == 0:
                End(held, new AttemptResult { Failure = failure });
                Exit(ExitReason.UserCode, failure);
                break;
            default:
                End(held, new AttemptResult { Failure = failure });
                break;
        }
    }

    private void ReturnUnbegun(Held stuck)
    {
        var unbegun = _held.Where(h => !h.HasBegun).ToList();
        if (unbegun.Count > 0 && _held.Contains(stuck))
        {
            var message = new ReturnedInputs { ContainerId = Id };
            message.Inputs.AddRange(unbegun.Select(h => h.Attempt.Input));
            _held.RemoveAll(h => !h.HasBegun);
            worker.Post(new WorkerMessage { Returned = message });
        }
    }

    private void End(Held held, AttemptResult result)
    {
        _held.Remove(held);
        (result.Input, result.Attempt) = (held.Attempt.Input, held.Attempt.Attempt_);
        result.RunUs = held.HasBegun ? ((world.Time.NowMs - held.BeganMs) * 1_000) + 20 : 0;
        Report(result);
        ExitWhenEmpty();
    }

    private void ExitWhenEmpty()
    {
        if (_isStopping && _held.Count == 0)
        {
            After(world.Random.Next(0, 50), () => Exit(ExitReason.Stopped, null));
        }
    }

    private void Report(AttemptResult result) => worker.Post(new WorkerMessage { Results = new AttemptResults { ContainerId = Id, Results = { result } } });

    private void Exit(ExitReason reason, Failure? failure)
    {
        _isGone = true;
        worker.Remove(this);
        worker.Post(new WorkerMessage { Exited = new ContainerExited { ContainerId = Id, Reason = reason, Failure = failure } });
    }

    private static Payload PayloadOf(int number) => new() { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFromUtf8(number.ToString(CultureInfo.InvariantCulture)) };

    private sealed class Held(Attempt attempt, InputKey key)
    {
        public Attempt Attempt { get; } = attempt;

        public InputKey Key { get; } = key;

        public bool HasBegun { get; set; }

        public long BeganMs { get; set; }

        public bool IsCancelled { get; set; }
    }
}
