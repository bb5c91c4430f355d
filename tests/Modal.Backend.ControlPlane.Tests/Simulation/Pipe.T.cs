namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>One direction of a connection: messages arrive late and in order, while it is cut not at all, and after its end never.</summary>
internal sealed class Pipe<T>(World world, Action<T> deliver)
{
    private readonly Queue<T> _held = new();
    private long _lastArrivalMs;
    private bool _isCut;
    private bool _isClosed;

    public bool IsCut
    {
        get => _isCut;
        set
        {
            _isCut = value;
            while (!_isCut && _held.TryDequeue(out var message))
            {
                Send(message);
            }
        }
    }

    public void Send(T message)
    {
        _lastArrivalMs = Math.Max(_lastArrivalMs, world.Time.NowMs + world.Latency());
        world.Time.After(_lastArrivalMs - world.Time.NowMs, () =>
        {
            if (_isCut)
            {
                _held.Enqueue(message);
            }
            else if (!_isClosed)
            {
                deliver(message);
            }
        });
    }

    public void Close() => _isClosed = true;
}
