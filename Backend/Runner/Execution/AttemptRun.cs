using System.Buffers;
using System.Diagnostics;
using Google.Protobuf;
using Modal.Backend.Runner.Channel;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner.Execution;

/// <summary>One input being run: what the invoker sees of it, and what the runner keeps.</summary>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and user code may keep the token.
internal sealed class AttemptRun : InvocationContext
#pragma warning restore CA1001
{
    private readonly Outgoing _outgoing;
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly Lock _gate = new();
    private CancellationTokenSource? _cancellation;
    private bool _cancelled;
    private ulong _yields;

    public AttemptRun(RunnerInput input, object? instance, Outgoing outgoing)
    {
        Id = input.Id;
        Method = input.Method;
        Arguments = input.Arguments.Memory;
        Instance = instance;
        _outgoing = outgoing;
    }

    /// <summary>The attempt whose code is running here, also after awaits.</summary>
    public static AsyncLocal<AttemptRun?> Current { get; } = new();

    /// <summary>The worker's number.</summary>
    public ulong Id { get; }

    /// <summary>Index into the methods of the specification.</summary>
    public int Method { get; }

    /// <summary>When its code began, as a <see cref="Stopwatch"/> timestamp.</summary>
    public long Began { get; set; }

    /// <summary>Whether the worker has been told, or is about to be, that it began.</summary>
    public bool StartReported { get; set; }

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Arguments { get; }

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

    /// <summary>The result when the code has ended without throwing.</summary>
    public RunnerResult Succeeded(bool streaming) => streaming || _output.WrittenCount == 0
        ? new RunnerResult { Id = Id, Done = true, YieldIndex = _yields, RunUs = RunMicroseconds() }
        : new RunnerResult { Id = Id, Value = TakeOutput(), RunUs = RunMicroseconds() };

    /// <summary>The result when it threw.</summary>
    public RunnerResult Failed(Failure failure) => new() { Id = Id, Failure = failure, RunUs = RunMicroseconds() };

    private ByteString TakeOutput()
    {
        var bytes = ByteString.CopyFrom(_output.WrittenSpan);
        _output.ResetWrittenCount();
        return bytes;
    }

    private long RunMicroseconds() => (long)Stopwatch.GetElapsedTime(Began).TotalMicroseconds;
}
