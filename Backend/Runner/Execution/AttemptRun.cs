using System.Buffers;
using System.Diagnostics;
using Google.Protobuf;
using Modal.Backend.Runner.Channel;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner.Execution;

/// <summary>One input, or one batch of them, being run: what the invoker sees of it, and what the runner keeps.</summary>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and user code may keep the token.
internal sealed class AttemptRun : InvocationContext
#pragma warning restore CA1001
{
    private readonly Outgoing _outgoing;
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly Lock _gate = new();
    private readonly List<ByteString>? _results;
    private CancellationTokenSource? _cancellation;
    private bool _cancelled;
    private ulong _yields;

    public AttemptRun(RunnerInput input, object? instance, Outgoing outgoing)
        : this([input], instance, outgoing)
    {
    }

    /// <param name="inputs">Of one batch, or one.</param>
    /// <param name="instance">The service's instance; null for a static function.</param>
    /// <param name="outgoing">Where elements go.</param>
    public AttemptRun(IReadOnlyList<RunnerInput> inputs, object? instance, Outgoing outgoing)
    {
        Ids = inputs.Count == 1 ? [inputs[0].Id] : [.. inputs.Select(i => i.Id)];
        Method = inputs[0].Method;
        Arguments = inputs[0].Arguments.Memory;
        Instance = instance;
        _outgoing = outgoing;
        if (inputs[0].Batch != 0)
        {
            Batch = [.. inputs.Select(i => i.Arguments.Memory)];
            _results = [];
        }
        else
        {
            Batch = [];
        }
    }

    /// <summary>The attempt whose code is running here, also after awaits.</summary>
    public static AsyncLocal<AttemptRun?> Current { get; } = new();

    /// <summary>The worker's number of the first input.</summary>
    public ulong Id => Ids[0];

    /// <summary>The worker's numbers.</summary>
    public ulong[] Ids { get; }

    /// <summary>Whose output this is; zero if it cannot be told.</summary>
    public ulong WriterId => Ids.Length == 1 ? Id : 0;

    /// <summary>Index into the methods of the specification.</summary>
    public int Method { get; }

    /// <summary>When its code began, as a <see cref="Stopwatch"/> timestamp.</summary>
    public long Began { get; set; }

    /// <summary>Whether the worker has been told, or is about to be, that it began.</summary>
    public bool StartReported { get; set; }

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Arguments { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ReadOnlyMemory<byte>> Batch { get; }

    /// <inheritdoc/>
    public override IBufferWriter<byte> Output => _output;

    /// <summary>Whether cancellation was asked for.</summary>
    public bool IsCancelled
    {
        get
        {
            lock (_gate)
            {
                return _cancelled;
            }
        }
    }

    /// <inheritdoc/>
    public override CancellationToken CancellationToken
    {
        get
        {
            // Made when asked for: most functions take no token.
            lock (_gate)
            {
                if (_cancellation is null)
                {
                    _cancellation = new CancellationTokenSource();
                    if (_cancelled)
                    {
                        _cancellation.Cancel();
                    }
                }

                return _cancellation.Token;
            }
        }
    }

    /// <inheritdoc/>
    public override ValueTask YieldAsync()
    {
        var element = TakeOutput();
        _outgoing.Append(new RunnerResult { Id = Id, Yield = element, YieldIndex = _yields++, RunUs = RunMicroseconds() });

        // A write that blocks is the back-pressure: the worker stops reading when those after it are slow. Elements that follow each other fast share a write.
        if (_outgoing.SinceFlush > Executor.FlushInterval || element.Length > 64 * 1024)
        {
            _outgoing.FlushSoon();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Asks the code to stop. Callbacks of user code run on the pool, not here.</summary>
    public void Cancel()
    {
        CancellationTokenSource? source;
        lock (_gate)
        {
            _cancelled = true;
            source = _cancellation;
        }

        source?.CancelAsync().ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public override void EndResult() => _results?.Add(TakeOutput());

    /// <summary>The results when the code has ended without throwing, one for each input.</summary>
    public IEnumerable<RunnerResult> Succeeded(bool streaming)
    {
        if (_results is not null)
        {
            var run = RunMicroseconds();
            return Ids.Select((id, i) => new RunnerResult { Id = id, Value = _results[i], RunUs = run });
        }

        return [streaming || _output.WrittenCount == 0
            ? new RunnerResult { Id = Id, Done = true, YieldIndex = _yields, RunUs = RunMicroseconds() }
            : new RunnerResult { Id = Id, Value = TakeOutput(), RunUs = RunMicroseconds() }];
    }

    /// <summary>The results when it threw, one for each input.</summary>
    public IEnumerable<RunnerResult> Failed(Failure failure)
    {
        var run = RunMicroseconds();
        return Ids.Select(id => new RunnerResult { Id = id, Failure = failure, RunUs = run });
    }

    private ByteString TakeOutput()
    {
        var bytes = ByteString.CopyFrom(_output.WrittenSpan);
        _output.ResetWrittenCount();
        return bytes;
    }

    private long RunMicroseconds() => (long)Stopwatch.GetElapsedTime(Began).TotalMicroseconds;
}
