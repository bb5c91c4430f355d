using System.Diagnostics;
using Modal.Backend.Runner.Channel;
using Modal.Backend.Runner.Failures;
using Modal.Backend.Runner.Loading;
using Modal.Protocol;

namespace Modal.Backend.Runner.Execution;

/// <summary>
/// The local queue and the slots. With one slot the thread that read an input runs it; with more each runs on the pool, so that code which blocks holds up nobody.
/// Safe for many threads.
/// </summary>
internal sealed class Executor
{
    /// <summary>Results and starts that follow each other faster than this share a write: a write costs about 60 us in a sandbox.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromMilliseconds(1);

    /// <summary>When no slot has been free for this long, waiting inputs go back, so that another container can take them.</summary>
    public static readonly TimeSpan ReturnAfter = TimeSpan.FromMilliseconds(20);

    /// <summary>A context in which no user code has left anything. Captured at the first use, which must come before user code.</summary>
    public static ExecutionContext CleanContext { get; } = ExecutionContext.Capture()!;

    private readonly LoadedFunction _function;
    private readonly Outgoing _outgoing;
    private readonly Lock _gate = new();
    private readonly Queue<AttemptRun> _waiting = new();
    private readonly Dictionary<ulong, AttemptRun> _running = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastBegan;
    private bool _stopping;

    public Executor(LoadedFunction function, int concurrency, Outgoing outgoing)
    {
        _function = function;
        _outgoing = outgoing;
        Concurrency = Math.Max(concurrency, 1);
        outgoing.CollectStarted = CollectStarted;
        if (Concurrency > 1)
        {
            // Code that blocks must not starve the continuations of code that awaits: a thread for each slot, and some more.
            ThreadPool.GetMinThreads(out var workers, out var ports);
            ThreadPool.SetMinThreads(Math.Max(workers, Concurrency + Environment.ProcessorCount), ports);
        }
    }

    /// <summary>Slots.</summary>
    public int Concurrency { get; }

    /// <summary>Whether anything runs.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate)
            {
                return _running.Count > 0;
            }
        }
    }

    /// <summary>Whether something waits for a slot.</summary>
    public bool HasWaiting
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count > 0;
            }
        }
    }

    /// <summary>Adds inputs to the queue without running them.</summary>
    public void Enqueue(IEnumerable<RunnerInput> inputs)
    {
        List<ulong>? refused = null;
        var starts = 0;
        lock (_gate)
        {
            List<RunnerInput>? batch = null;
            foreach (var input in inputs)
            {
                if (_stopping)
                {
                    (refused ??= []).Add(input.Id);
                    continue;
                }

                if (input.Batch == 0)
                {
                    _waiting.Enqueue(new AttemptRun(input, _function.Instance, _outgoing));
                    starts++;
                    continue;
                }

                // A batch is whole in one frame.
                if (batch is not null && batch[0].Batch != input.Batch)
                {
                    _waiting.Enqueue(new AttemptRun(batch, _function.Instance, _outgoing));
                    starts++;
                    batch = null;
                }

                (batch ??= []).Add(input);
            }

            if (batch is not null)
            {
                _waiting.Enqueue(new AttemptRun(batch, _function.Instance, _outgoing));
                starts++;
            }

            starts = Concurrency == 1 ? 0 : Math.Min(starts, Concurrency - _running.Count);
        }

        Return(refused);
        for (; starts > 0; starts--)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static executor => executor.Drain(), this, preferLocal: false);
        }
    }

    /// <summary>Runs what waits while a slot is free. Returns when nothing waits or no slot is free.</summary>
    public void Drain()
    {
        while (TryBegin() is { } attempt)
        {
            var task = Start(attempt);
            if (task.IsCompleted)
            {
                Finish(attempt, task.IsCompletedSuccessfully ? null : FaultOf(task));
            }
            else
            {
                _ = FinishLaterAsync(attempt, task);
            }
        }

        _outgoing.FlushSoon();
    }

    /// <summary>Cancels attempts; those not begun end at once. A batch is cancelled when all of its inputs are named.</summary>
    public void Cancel(IEnumerable<ulong> ids)
    {
        var named = ids.ToHashSet();
        List<AttemptRun> ended = [];
        List<AttemptRun> running = [];
        lock (_gate)
        {
            for (var left = _waiting.Count; left > 0; left--)
            {
                var attempt = _waiting.Dequeue();
                if (named.IsSupersetOf(attempt.Ids))
                {
                    ended.Add(attempt);
                }
                else
                {
                    _waiting.Enqueue(attempt);
                }
            }

            running.AddRange(_running.Values.Where(a => named.IsSupersetOf(a.Ids)));
        }

        foreach (var attempt in running)
        {
            attempt.Cancel();
        }

        foreach (var id in ended.SelectMany(a => a.Ids))
        {
            _outgoing.Append(new RunnerResult { Id = id, Failure = FailureFactory.OfAttempt(new OperationCanceledException(), cancelled: true) });
        }

        _outgoing.FlushSoon();
    }

    /// <summary>Whether all slots are taken and none has changed hands for <see cref="ReturnAfter"/>; then gives back what waits.</summary>
    /// <returns>True if the slots are held long, whether or not anything waited.</returns>
    public bool ReturnIfHeldLong()
    {
        List<ulong>? returned = null;
        lock (_gate)
        {
            if (_running.Count < Concurrency || Stopwatch.GetElapsedTime(_lastBegan) < ReturnAfter)
            {
                return false;
            }

            if (_waiting.Count > 0)
            {
                returned = [.. _waiting.SelectMany(a => a.Ids)];
                _waiting.Clear();
            }
        }

        Return(returned);
        return true;
    }

    /// <summary>Whether an attempt runs of which the worker does not know yet.</summary>
    public bool HasUnreportedStart
    {
        get
        {
            lock (_gate)
            {
                return _running.Values.Any(a => !a.StartReported);
            }
        }
    }

    /// <summary>Begins nothing more, gives back what waits, lets running code end, then cancels it.</summary>
    /// <param name="grace">Time before it is cancelled.</param>
    /// <param name="afterCancel">Time it has after that.</param>
    public async Task StopAsync(TimeSpan grace, TimeSpan afterCancel)
    {
        List<ulong> returned;
        lock (_gate)
        {
            _stopping = true;
            returned = [.. _waiting.SelectMany(a => a.Ids)];
            _waiting.Clear();
            if (_running.Count == 0)
            {
                _drained.TrySetResult();
            }
        }

        Return(returned);
        if (!await EndsWithinAsync(grace))
        {
            List<AttemptRun> running;
            lock (_gate)
            {
                running = [.. _running.Values];
            }

            running.ForEach(a => a.Cancel());
            await EndsWithinAsync(afterCancel);
        }
    }

    private async Task<bool> EndsWithinAsync(TimeSpan time) => await Task.WhenAny(_drained.Task, Task.Delay(time)) == _drained.Task;

    private void Return(List<ulong>? ids)
    {
        if (ids is { Count: > 0 })
        {
            var frame = new RunnerFrame { Returned = new RunnerReturned() };
            frame.Returned.Ids.AddRange(ids);
            _outgoing.Append(frame);
            _outgoing.FlushSoon();
        }
    }

    private AttemptRun? TryBegin()
    {
        AttemptRun? attempt;
        bool othersWait;
        lock (_gate)
        {
            if (_running.Count >= Concurrency || !_waiting.TryDequeue(out attempt))
            {
                return null;
            }

            _running.Add(attempt.Id, attempt);
            othersWait = _waiting.Count > 0;
            attempt.Began = _lastBegan = Stopwatch.GetTimestamp();
        }

        // Alone in the container, an attempt that ends the process is known without a word; among others the worker must have been told which one it was.
        if (othersWait && _outgoing.SinceFlush > FlushInterval)
        {
            _outgoing.FlushSoon();
        }

        return attempt;
    }

    private Task Start(AttemptRun attempt)
    {
        var state = new StartState(attempt, (uint)attempt.Method < (uint)_function.Methods.Length ? _function.Methods[attempt.Method] : null);

        // A context of its own: what one input leaves in AsyncLocals must not be seen by the next.
        ExecutionContext.Run(CleanContext, static o =>
        {
            var s = (StartState)o!;
            AttemptRun.Current.Value = s.Attempt;
            try
            {
                var pending = s.Definition is null
                    ? throw new MissingMethodException($"The function has no method number {s.Attempt.Method}.")
                    : s.Definition.Invoke(s.Attempt);
                s.Task = pending.IsCompletedSuccessfully ? Task.CompletedTask : pending.AsTask();
            }
#pragma warning disable CA1031 // The edge between user code and the worker: whatever it throws becomes the attempt's failure.
            catch (Exception e)
            {
                s.Task = Task.FromException(e);
            }
#pragma warning restore CA1031
        }, state);
        return state.Task!;
    }

    private async Task FinishLaterAsync(AttemptRun attempt, Task task)
    {
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Finish(attempt, task.IsCompletedSuccessfully ? null : FaultOf(task));
        Drain();
    }

    private static Exception FaultOf(Task task)
    {
        if (task.IsCanceled)
        {
            try
            {
                task.GetAwaiter().GetResult();
            }
            catch (OperationCanceledException e)
            {
                return e;
            }
        }

        // One exception is what the method threw; several come from WhenAll and the first is what await would have thrown.
        return task.Exception!.InnerExceptions[0];
    }

    private void Finish(AttemptRun attempt, Exception? fault)
    {
        var results = fault is null
            ? attempt.Succeeded(_function.Methods[attempt.Method].IsStreaming)
            : attempt.Failed(FailureFactory.OfAttempt(fault, attempt.IsCancelled));

        // Out of the running ones first: a start must not be reported after the result.
        lock (_gate)
        {
            _running.Remove(attempt.Id);
        }

        foreach (var result in results)
        {
            _outgoing.Append(result);
        }

        lock (_gate)
        {
            if (_stopping && _running.Count == 0)
            {
                _drained.TrySetResult();
            }
        }
    }

    private void CollectStarted(RunnerResults results)
    {
        lock (_gate)
        {
            foreach (var attempt in _running.Values)
            {
                if (!attempt.StartReported)
                {
                    attempt.StartReported = true;
                    results.Results.AddRange(attempt.Ids.Select(id => new RunnerResult { Id = id, Started = true }));
                }
            }
        }
    }

    private sealed class StartState(AttemptRun attempt, Runtime.FunctionDefinition? definition)
    {
        public AttemptRun Attempt { get; } = attempt;

        public Runtime.FunctionDefinition? Definition { get; } = definition;

        public Task? Task { get; set; }
    }
}
