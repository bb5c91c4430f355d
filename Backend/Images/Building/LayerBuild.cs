using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>A layer that is being built, for all who want it: each gets all of its output, and it is called off when the last one is gone.</summary>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and the last to leave may still cancel it.
internal sealed class LayerBuild
#pragma warning restore CA1001
{
    // Who joins late sees this much of what was printed before.
    private const int MaxReplayBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly List<Action<OutputSource, ReadOnlyMemory<byte>>> _listeners = [];
    private readonly List<(OutputSource Source, byte[] Data)> _printed = [];
    private readonly CancellationTokenSource _stop = new();
    private int _printedBytes;
    private int _waiters;
    private bool _isStopped;

    public LayerBuild(Func<LayerBuild, CancellationToken, Task<BuildRecord>> build) => Built = Task.Run(() => build(this, _stop.Token));

    public Task<BuildRecord> Built { get; }

    public void Print(OutputSource source, ReadOnlyMemory<byte> data)
    {
        lock (_gate)
        {
            if (_printedBytes < MaxReplayBytes)
            {
                _printed.Add((source, data.ToArray()));
                _printedBytes += data.Length;
            }

            foreach (var listener in _listeners)
            {
                listener(source, data);
            }
        }
    }

    /// <summary>Waits for the layer.</summary>
    /// <returns>Null if it was called off meanwhile because nobody else waited: it has to be begun again.</returns>
    public async Task<BuildRecord?> WaitAsync(Action<OutputSource, ReadOnlyMemory<byte>> listener, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isStopped)
            {
                return null;
            }

            _waiters++;
            foreach (var (source, data) in _printed)
            {
                listener(source, data);
            }

            _listeners.Add(listener);
        }

        try
        {
            return await Built.WaitAsync(cancellationToken);
        }
        finally
        {
            var stop = false;
            lock (_gate)
            {
                _listeners.Remove(listener);
                stop = --_waiters == 0 && !Built.IsCompleted;
                _isStopped |= stop;
            }

            if (stop)
            {
                await _stop.CancelAsync();
            }
        }
    }
}
