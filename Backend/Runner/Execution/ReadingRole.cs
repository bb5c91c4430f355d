namespace Modal.Backend.Runner.Execution;

/// <summary>
/// Two threads, one of which reads the channel and runs what it reads right there. When that code takes long, or is about to wait for a frame, the role passes to the other
/// thread, and the first joins again when its code has ended. So a short call costs no wake-up, and a long one does not deafen the container.
/// </summary>
/// <param name="readOne">Reads and handles one frame; false when the channel is closed.</param>
internal sealed class ReadingRole(Func<bool> readOne) : IDisposable
{
    private readonly SemaphoreSlim _standby = new(0);

    // Twice the number of times that the role changed hands, plus one while its holder runs user code and may be relieved of it.
    private long _state;
    private volatile bool _closed;

    /// <summary>Body of both threads; ends when the channel has closed.</summary>
    public void Run()
    {
        while (true)
        {
            _standby.Wait();
            do
            {
                if (_closed || !readOne())
                {
                    _closed = true;
                    _standby.Release();
                    return;
                }
            }
            while (!_relieved);

            _relieved = false;
        }
    }

    /// <summary>Gives the role to the first thread that asks. Call once, when both threads run.</summary>
    public void Open() => _standby.Release();

    /// <summary>Runs user code on the thread that holds the role.</summary>
    public void RunInline(Action code)
    {
        var mine = _state;
        Volatile.Write(ref _state, mine | 1);
        code();
        if (Interlocked.CompareExchange(ref _state, mine, mine | 1) != (mine | 1))
        {
            _relieved = true;
        }
    }

    /// <summary>Lets the other thread read if the holder is running user code. Any thread may call it, also the holder before it waits.</summary>
    public void HandOver()
    {
        var seen = Volatile.Read(ref _state);
        if ((seen & 1) != 0 && Interlocked.CompareExchange(ref _state, (seen & ~1L) + 2, seen) == seen)
        {
            _standby.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _standby.Dispose();

    [ThreadStatic]
    private static bool _relieved;
}
