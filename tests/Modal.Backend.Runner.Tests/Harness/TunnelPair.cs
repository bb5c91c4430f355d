using Modal.Backend.Tunnels;
using Modal.Protocol;

namespace Modal.Backend.Runner.Tests.Harness;

/// <summary>Both sides of a channel, joined in memory; frames arrive at once.</summary>
internal sealed class TunnelPair
{
    private readonly Queue<(bool ToWorker, TunnelFrame Frame)> _frames = new();
    private readonly Lock _gate = new();
    private bool _delivering;

    public TunnelPair()
    {
        Runner = new TunnelSet(isWorker: false, frame => Append(true, frame), Deliver, (tunnel, target) => AcceptedByRunner.Add((tunnel, target)));
        Worker = new TunnelSet(isWorker: true, frame => Append(false, frame), Deliver, (tunnel, target) => AcceptedByWorker.Add((tunnel, target)));
    }

    public TunnelSet Runner { get; }

    public TunnelSet Worker { get; }

    public List<(Tunnel Tunnel, string Target)> AcceptedByRunner { get; } = [];

    public List<(Tunnel Tunnel, string Target)> AcceptedByWorker { get; } = [];

    /// <summary>Everything that was sent, in order.</summary>
    public List<TunnelFrame> Sent { get; } = [];

    /// <summary>What a side found wrong.</summary>
    public List<string> Violations { get; } = [];

    private void Append(bool toWorker, TunnelFrame frame)
    {
        lock (_gate)
        {
            Sent.Add(frame);
            _frames.Enqueue((toWorker, frame));
        }
    }

    private void Deliver()
    {
        while (true)
        {
            (bool ToWorker, TunnelFrame Frame) next;
            lock (_gate)
            {
                if (_delivering || !_frames.TryDequeue(out next))
                {
                    return;
                }

                _delivering = true;
            }

            if ((next.ToWorker ? Worker : Runner).OnFrame(next.Frame) is { } violation)
            {
                Violations.Add(violation);
            }

            lock (_gate)
            {
                _delivering = false;
            }
        }
    }
}
