using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Loop;

/// <summary>
/// One thread that waits for the descriptors of all sandboxes: channels, pipes and process ends. One wake-up serves whatever has arrived, and what belongs to one sandbox
/// is handled in order because one thread handles it.
/// </summary>
internal sealed class EventLoop : IDisposable
{
    private readonly Descriptor _epoll = Epoll.Create();
    private readonly Descriptor _wake = Epoll.CreateEvent();
    private readonly ConcurrentDictionary<ulong, Action> _handlers = new();
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private ulong _lastKey;
    private volatile bool _disposed;

    public EventLoop(ILogger<EventLoop> logger)
    {
        _logger = logger;
        Epoll.Control(_epoll, Epoll.EPOLL_CTL_ADD, _wake, Epoll.EPOLLIN, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "sandbox events" };
        _thread.Start();
    }

    /// <summary>Calls <paramref name="handler"/> on the loop's thread while the descriptor is ready. Level-triggered: the handler must take what is there or stop watching.</summary>
    /// <param name="descriptor">What is watched.</param>
    /// <param name="events">EPOLLIN, EPOLLOUT, or 0 to begin later with <see cref="Watched.Change"/>.</param>
    /// <param name="handler">Must not block.</param>
    public Watched Watch(Descriptor descriptor, uint events, Action handler)
    {
        var key = Interlocked.Increment(ref _lastKey);
        _handlers[key] = handler;
        var watched = new Watched(this, descriptor, key);
        watched.Change(events);
        return watched;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        Epoll.Signal(_wake);
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
        }

        _wake.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        Span<ulong> keys = stackalloc ulong[64];
        while (!_disposed)
        {
            var count = Epoll.Wait(_epoll, keys);
            foreach (var key in keys[..count])
            {
                // Gone if an earlier handler of this round stopped watching it.
                if (_handlers.TryGetValue(key, out var handler))
                {
                    Call(handler);
                }
            }
        }
    }

    private void Call(Action handler)
    {
        try
        {
            handler();
        }
#pragma warning disable CA1031 // The edge of the loop: a defect in one sandbox's handling must not end the events of all the others.
        catch (Exception e)
        {
            Log.HandlerFailed(_logger, e);
        }
#pragma warning restore CA1031
    }

    /// <summary>One watched descriptor. Dispose it before the descriptor.</summary>
    internal sealed class Watched(EventLoop loop, Descriptor descriptor, ulong key) : IDisposable
    {
        private readonly Lock _gate = new();
        private uint _watched;
        private bool _disposed;

        /// <summary>Changes what is waited for; zero waits for nothing, not even for the other end to close.</summary>
        public void Change(uint events)
        {
            lock (_gate)
            {
                if (_disposed || events == _watched)
                {
                    return;
                }

                // A closed other end is reported whatever is asked for, so waiting for nothing means taking the descriptor out.
                if (events == 0)
                {
                    Leave();
                }
                else
                {
                    Epoll.Control(loop._epoll, _watched != 0 ? Epoll.EPOLL_CTL_MOD : Epoll.EPOLL_CTL_ADD, descriptor, events, key);
                    _watched = events;
                }
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (_gate)
            {
                if (!_disposed)
                {
                    _disposed = true;
                    loop._handlers.TryRemove(key, out _);
                    Leave();
                }
            }
        }

        private void Leave()
        {
            if (_watched != 0)
            {
                _watched = 0;
                Epoll.Control(loop._epoll, Epoll.EPOLL_CTL_DEL, descriptor, 0, key);
            }
        }
    }
}
