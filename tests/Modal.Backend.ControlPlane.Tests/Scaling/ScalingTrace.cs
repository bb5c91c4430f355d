using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Scaling;

/// <summary>Time, workers with room for all, and containers that take a fixed time to start and to answer, around a <see cref="FunctionCore"/>.</summary>
internal sealed class ScalingTrace : IFunctionActions
{
    private readonly PriorityQueue<Action, (long At, int Order)> _events = new();
    private readonly Func<Attempt, double> _serviceMs;
    private readonly long _startMs;
    private readonly HashSet<string> _gone = [];
    private readonly Dictionary<string, Held> _held = [];
    private readonly Dictionary<(ulong Call, ulong Index), long> _sent = [];
    private readonly int _slots;
    private int _order;
    private int _containers;
    private ulong _call;

    public ScalingTrace(FunctionSettings settings, Func<Attempt, double> serviceMs, long startMs = 300)
    {
        _serviceMs = serviceMs;
        _startMs = startMs;
        _slots = settings.Concurrency;
        Core = new FunctionCore(settings, this, () => $"ta-{++_containers}");
        Core.OpenStream("fc-1", 0, 0);
    }

    public FunctionCore Core { get; }

    public long Now { get; private set; }

    /// <summary>When containers were asked for.</summary>
    public List<long> Requests { get; } = [];

    /// <summary>When results came, and how long after their inputs.</summary>
    public List<(long At, long Latency)> Results { get; } = [];

    public int Stops { get; private set; }

    /// <summary>Why starts fail; null if they do not.</summary>
    public Failure? StartFailure { get; set; }

    public int Inputs(string container) => Core.FindContainer(container)?.Inputs.Count ?? 0;

    public void At(long time, Action action) => _events.Enqueue(action, (time, _order++));

    public void Map(long time, int count) => At(time, () =>
    {
        _call++;
        var inputs = Enumerable.Range(0, count).Select(i => new Input { Call = _call, Index = (ulong)i }).ToList();
        inputs.ForEach(i => _sent.Add((i.Call, i.Index), Now));
        Assert.True(Core.AddInputs("fc-1", inputs, Now));
    });

    public void RunUntil(long time, Action? each = null)
    {
        while (true)
        {
            var wake = Core.NextWake(Now);
            Assert.False(wake < Now, $"NextWake gave {wake} at {Now}.");
            var next = Math.Min(_events.TryPeek(out _, out var first) ? first.At : long.MaxValue, wake ?? long.MaxValue);
            if (next > time)
            {
                Now = time;
                return;
            }

            var before = (Now, _events.Count);
            Now = next;
            if (_events.Count > 0 && first.At == next)
            {
                _events.Dequeue()();
            }
            else
            {
                Core.Wake(Now);
                Assert.False(Core.NextWake(Now) <= Now && before.Now == Now, "Waking again and again without anything to do.");
            }

            each?.Invoke();
        }
    }

    public void Deliver(string streamId, CallResults results)
    {
        foreach (var result in results.Results)
        {
            Results.Add((Now, Now - _sent[(result.Call, result.Index)]));
        }

        var last = results.Results[^1].Seq;
        At(Now, () => Core.AcknowledgeResults("fc-1", last));
    }

    public void Dispatch(ContainerState container, DispatchInputs inputs)
    {
        if (!_held.TryGetValue(container.Id, out var held))
        {
            _held.Add(container.Id, held = new Held());
        }

        foreach (var attempt in inputs.Attempts)
        {
            held.Waiting.Enqueue(attempt);
        }

        Begin(container.Id, held);
    }

    private void Begin(string id, Held held)
    {
        while (held.Waiting.Count > 0 && (held.Running < _slots || held.Waiting.Peek().Batch != 0))
        {
            var attempt = held.Waiting.Dequeue();
            var service = _serviceMs(attempt);
            held.Running++;
            held.Begun++;
            held.FreeAt = (_slots == 1 && attempt.Batch == 0 ? Math.Max(Now, held.FreeAt) : Now) + service;
            At((long)held.FreeAt, () => Answer(id, held, attempt, service));
        }

        // As the runner does: what waits behind a long one goes back.
        var begun = held.Begun;
        if (held.Waiting.Count > 0)
        {
            At(Now + 20, () =>
            {
                if (held.Begun == begun && !_gone.Contains(id))
                {
                    var returned = held.Waiting.Select(a => a.Input).ToList();
                    held.Waiting.Clear();
                    Core.OnReturned(id, returned, Now);
                }
            });
        }
    }

    private void Answer(string id, Held held, Attempt attempt, double service)
    {
        if (!_gone.Contains(id))
        {
            held.Running--;
            Core.OnResults(id, [new AttemptResult { Input = attempt.Input, Attempt = attempt.Attempt_, RunUs = (long)(service * 1000), Value = new Payload() }], Now);
            Begin(id, held);
        }
    }

    public void CancelAttempts(ContainerState container, CancelAttempts cancel) => Assert.Fail("Nothing is cancelled here.");

    public void RequestContainer(ContainerState container)
    {
        Requests.Add(Now);
        At(Now, () =>
        {
            if (Core.OnPlaced(container.Id, "wk-1", Now) is not null)
            {
                At(Now + _startMs, () =>
                {
                    if (StartFailure is not null)
                    {
                        Core.OnExited(container.Id, ExitReason.StartupFailed, StartFailure, Now);
                    }
                    else
                    {
                        Core.OnReady(container.Id, [], Now);
                    }
                });
            }
        });
    }

    public void WithdrawRequest(ContainerState container) => Requests.RemoveAt(Requests.Count - 1);

    public void StopContainer(ContainerState container, TimeSpan grace, string reason)
    {
        Stops++;
        Assert.True(container.Inputs.Count == 0, "A container was stopped with inputs in it.");
        At(Now + 20, () => Core.OnExited(container.Id, ExitReason.Stopped, null, Now));
    }

    public void Released(ContainerState container) => _gone.Add(container.Id);

    private sealed class Held
    {
        public Queue<Attempt> Waiting { get; } = new();

        public int Running { get; set; }

        public int Begun { get; set; }

        /// <summary>With parts of a millisecond, which short inputs add up to.</summary>
        public double FreeAt { get; set; }
    }
}
