using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>A layer that is being built, for all who want it: each gets all of its output, and it is called off when the last one is gone. Begins with the first who waits.</summary>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and the last to leave may still cancel it.
internal sealed class LayerBuild(Func<LayerBuild, CancellationToken, Task<BuiltLayer>> build)
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
    private Task<BuiltLayer>? _built;

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
    public async Task<BuiltLayer?> WaitAsync(Action<OutputSource, ReadOnlyMemory<byte>> listener, CancellationToken cancellationToken)
    {
        Task<BuiltLayer> built;
        lock (_gate)
        {
            if (_isStopped)
            {
                return null;
            }

            // Not in the constructor: of two made for one layer at the same moment a dictionary keeps one, and the other must not run.
            built = _built ??= Task.Run(() => build(this, _stop.Token));

            _waiters++;
            foreach (var (source, data) in _printed)
            {
                listener(source, data);
            }

            _listeners.Add(listener);
        }

        try
        {
            return await built.WaitAsync(cancellationToken);
        }
        finally
        {
            var stop = false;
            lock (_gate)
            {
                _listeners.Remove(listener);
                stop = --_waiters == 0 && !built.IsCompleted;
                _isStopped |= stop;
            }

            if (stop)
            {
                await _stop.CancelAsync();
            }
        }
    }
}
