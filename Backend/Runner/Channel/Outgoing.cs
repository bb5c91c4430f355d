using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using Google.Protobuf;
using Modal.Backend.Runner.Native;
using Modal.Protocol;

namespace Modal.Backend.Runner.Channel;

/// <summary>
/// Everything on its way to the worker, in the order in which it happened. Appending is cheap and blocks for nobody; whoever flushes writes all that
/// has gathered, on his own thread: a hop to a writer thread would cost two wake-ups, and a wake-up in a sandbox costs as much as a short call. Safe for many threads.
/// </summary>
/// <param name="descriptor">The channel.</param>
/// <param name="onClosed">Called when the worker is gone.</param>
internal sealed class Outgoing(int descriptor, Action onClosed)
{
    // Bigger buffers are given up after use: one large result must not keep its memory for the life of the container.
    private const int KeptBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Lock _writing = new();
    private readonly RunnerFrame _openResults = new() { Results = new RunnerResults() };
    private ArrayBufferWriter<byte> _pending = new(16 * 1024);
    private ArrayBufferWriter<byte> _spare = new(16 * 1024);
    private long _lastFlush;

    /// <summary>Asked before each write for attempts that began since the last one, so that the worker learns of them.</summary>
    public Action<RunnerResults>? CollectStarted { get; set; }

    /// <summary>Whether something waits to be written.</summary>
    public bool HasPending
    {
        get
        {
            lock (_gate)
            {
                return _pending.WrittenCount > 0 || _openResults.Results.Results.Count > 0;
            }
        }
    }

    /// <summary>Time since the last write began.</summary>
    public TimeSpan SinceFlush => Stopwatch.GetElapsedTime(Volatile.Read(ref _lastFlush));

    /// <summary>Appends a result, yield or start.</summary>
    public void Append(RunnerResult result)
    {
        lock (_gate)
        {
            _openResults.Results.Results.Add(result);
            if (result.Value.Length > KeptBytes || result.Yield.Length > KeptBytes)
            {
                // Large ones travel alone, so that no frame grows by the sum of several.
                SealResults();
            }
        }
    }

    /// <summary>Appends any other frame.</summary>
    public void Append(RunnerFrame frame)
    {
        lock (_gate)
        {
            SealResults();
            Encode(frame);
        }
    }

    /// <summary>Writes what has gathered unless another thread is writing, which then takes ours along.</summary>
    public void FlushSoon()
    {
        do
        {
            if (!_writing.TryEnter())
            {
                return;
            }

            try
            {
                WriteOnce();
            }
            finally
            {
                _writing.Exit();
            }
        }
        while (HasPending);
    }

    /// <summary>Returns when all that was appended before is written. For output, which must survive whatever the process does next.</summary>
    public void FlushNow()
    {
        lock (_writing)
        {
            WriteOnce();
        }
    }

    /// <summary>As <see cref="FlushNow"/>, but gives up: for the end of the process, when a writer may be stuck for good.</summary>
    public void FlushAtExit(TimeSpan patience)
    {
        if (_writing.TryEnter(patience))
        {
            try
            {
                WriteOnce();
            }
            finally
            {
                _writing.Exit();
            }
        }
    }

    private void WriteOnce()
    {
        ArrayBufferWriter<byte> full;
        lock (_gate)
        {
            CollectStarted?.Invoke(_openResults.Results);
            SealResults();
            if (_pending.WrittenCount == 0)
            {
                return;
            }

            (full, _pending) = (_pending, _spare);
        }

        Volatile.Write(ref _lastFlush, Stopwatch.GetTimestamp());
        var open = Unistd.WriteAll(descriptor, full.WrittenSpan);
        full.ResetWrittenCount();
        _spare = full.Capacity > KeptBytes ? new ArrayBufferWriter<byte>(16 * 1024) : full;
        if (!open)
        {
            onClosed();
        }
    }

    private void SealResults()
    {
        if (_openResults.Results.Results.Count > 0)
        {
            Encode(_openResults);
            _openResults.Results.Results.Clear();
        }
    }

    private void Encode(RunnerFrame frame)
    {
        var size = frame.CalculateSize();
        var span = _pending.GetSpan(sizeof(uint) + size);
        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)size);
        frame.WriteTo(span.Slice(sizeof(uint), size));
        _pending.Advance(sizeof(uint) + size);
    }
}
