using System.Diagnostics.CodeAnalysis;
using Modal.Protocol;

namespace Modal.Backend.Tunnels;

/// <summary>All tunnels of one channel, as one of its two sides sees them. Safe for many threads; frames of the other side come one at a time.</summary>
/// <param name="isWorker">Which side: the worker numbers its own with odd numbers, the runner with even ones.</param>
/// <param name="append">Puts a frame behind those before it. Must not block, nor call back.</param>
/// <param name="flush">Lets what was appended go; may block.</param>
/// <param name="accept">Told of a tunnel that the other side opened, and its target. Must not block.</param>
internal sealed class TunnelSet(bool isWorker, Action<TunnelFrame> append, Action flush, Action<Tunnel, string> accept)
{
    /// <summary>Tunnels that one side may have open of its own; the number is part of the protocol.</summary>
    public const int MaxOpen = 16;

    // For people: a longer one is no target.
    private const int MaxTargetLength = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, Tunnel> _open = [];
    private uint _lastOwn = isWorker ? uint.MaxValue : 0;
    private uint _lastOther;

    /// <summary>Tunnels that are open, whoever opened them.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _open.Count;
            }
        }
    }

    /// <summary>Opens one. What is written to it may be sent before the other side has answered.</summary>
    /// <param name="target">Where it leads.</param>
    /// <exception cref="IOException">As many as may be are open.</exception>
    public Tunnel Open(string target)
    {
        Tunnel tunnel;
        lock (_gate)
        {
            if (_open.Keys.Count(IsOwn) >= MaxOpen)
            {
                throw new IOException($"{MaxOpen} connections are open, as many as may be.");
            }

            unchecked
            {
                _lastOwn += 2;
            }

            tunnel = new Tunnel(this, _lastOwn);
            _open.Add(tunnel.Id, tunnel);

            // Under the lock: the numbers rise in the order of the frames.
            append(new TunnelFrame { Id = tunnel.Id, Open = new TunnelOpen { Target = target } });
        }

        flush();
        return tunnel;
    }

    /// <summary>Takes a frame of the other side. Never blocks.</summary>
    /// <returns>What is wrong with it; null if nothing is.</returns>
    public string? OnFrame(TunnelFrame frame)
    {
        if (frame.FrameCase == TunnelFrame.FrameOneofCase.Open)
        {
            return OnOpen(frame);
        }

        return TryFind(frame.Id, out var tunnel) ? tunnel.OnFrame(frame) : null;
    }

    /// <summary>Ends all tunnels, and tells the other side.</summary>
    public void ResetAll(string reason)
    {
        foreach (var tunnel in TakeAll())
        {
            tunnel.Reset(reason);
        }
    }

    /// <summary>Ends all tunnels without a word: there is nobody to tell.</summary>
    public void BreakAll(string reason)
    {
        foreach (var tunnel in TakeAll())
        {
            tunnel.Break(reason);
        }
    }

    internal void Send(TunnelFrame frame)
    {
        append(frame);
        flush();
    }

    internal void Forget(Tunnel tunnel)
    {
        lock (_gate)
        {
            _open.Remove(tunnel.Id);
        }
    }

    private string? OnOpen(TunnelFrame frame)
    {
        Tunnel tunnel;
        lock (_gate)
        {
            if (IsOwn(frame.Id) || frame.Id == 0 || frame.Id <= _lastOther)
            {
                return $"a tunnel with number {frame.Id}, after {_lastOther}";
            }

            if (frame.Open.Target.Length > MaxTargetLength)
            {
                return $"a target of {frame.Open.Target.Length} characters; at most {MaxTargetLength} are allowed";
            }

            if (_open.Count - _open.Keys.Count(IsOwn) >= MaxOpen)
            {
                return $"more than {MaxOpen} tunnels at once";
            }

            _lastOther = frame.Id;
            tunnel = new Tunnel(this, frame.Id);
            _open.Add(tunnel.Id, tunnel);
        }

        accept(tunnel, frame.Open.Target);
        return null;
    }

    private bool IsOwn(uint id) => (id % 2 == 1) == isWorker;

    private bool TryFind(uint id, [NotNullWhen(true)] out Tunnel? tunnel)
    {
        lock (_gate)
        {
            return _open.TryGetValue(id, out tunnel);
        }
    }

    private Tunnel[] TakeAll()
    {
        lock (_gate)
        {
            Tunnel[] all = [.. _open.Values];
            _open.Clear();
            return all;
        }
    }
}
