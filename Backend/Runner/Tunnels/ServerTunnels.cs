using Modal.Backend.Runner.Channel;
using Modal.Backend.Tunnels;
using Modal.Protocol;

namespace Modal.Backend.Runner.Tunnels;

/// <summary>
/// Connections of user code to the server, each a tunnel to the worker. There is nothing to listen on: the Sdk, which shares the contract's assembly with the runner, asks for them by
/// <see cref="Runtime.ContainerContext.Connect"/>. Safe for many threads.
/// </summary>
internal sealed class ServerTunnels
{
    /// <summary>Where they lead.</summary>
    public const string Target = "server";

    // No target: the worker refuses it, and has then sent all that it was sending before.
    private const string Barrier = "";

    // The worker answers within milliseconds; a snapshot without the answer is tried before it is used, as any.
    private static readonly TimeSpan s_barrierLimit = TimeSpan.FromSeconds(5);

    private readonly TunnelSet _tunnels;
    private readonly Lock _gate = new();
    private string _containerId = "";
    private TaskCompletionSource? _suspended;
    private bool _wasUsed;

    /// <param name="outgoing">Carries the frames.</param>
    /// <param name="beforeWait">Called when something was sent: who sent it may block for the answer, and may be the very thread that would read it.</param>
    public ServerTunnels(Outgoing outgoing, Action beforeWait) => _tunnels = new TunnelSet(
        isWorker: false,
        frame => outgoing.Append(new RunnerFrame { Tunnel = frame }),
        () =>
        {
            beforeWait();
            outgoing.FlushSoon();
        },
        static (tunnel, target) => tunnel.Reset($"There is no '{target}' in this container."));

    /// <summary>Takes a frame of the worker, which sends none that is wrong.</summary>
    public void OnFrame(TunnelFrame frame) => _tunnels.OnFrame(frame);

    /// <summary>This process is a container now, another one if it is a copy.</summary>
    public void BeginContainer(string containerId)
    {
        lock (_gate)
        {
            _containerId = containerId;
        }
    }

    /// <summary>A new connection; while the process gets ready for a snapshot it waits for the end of that.</summary>
    /// <param name="containerId">The container that the code believes to be in: what a copy has in memory from before the snapshot must not go on for the original.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="IOException">As many as may be are open, or the process is another container now.</exception>
    public async ValueTask<Stream> ConnectAsync(string containerId, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task end;
            lock (_gate)
            {
                if (_suspended is null)
                {
                    _wasUsed = true;
                    return containerId == _containerId ? _tunnels.Open(Target) : throw new IOException("This process is a copy, and what was begun before the snapshot belongs to the original.");
                }

                end = _suspended.Task;
            }

            await end.WaitAsync(cancellationToken);
        }
    }

    /// <summary>A snapshot comes: its copies have other workers, so all connections end, and no part of one may be on its way when it is taken.</summary>
    public void Suspend()
    {
        lock (_gate)
        {
            _suspended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_wasUsed)
            {
                return;
            }

            _wasUsed = false;
        }

        _tunnels.ResetAll("A snapshot of this process is taken.");
        WaitForBarrierAsync().GetAwaiter().GetResult();
    }

    /// <summary>The snapshot was taken, or this is a copy.</summary>
    public void Resume()
    {
        TaskCompletionSource? suspended;
        lock (_gate)
        {
            (suspended, _suspended) = (_suspended, null);
        }

        suspended?.TrySetResult();
    }

    private async Task WaitForBarrierAsync()
    {
        using var limit = new CancellationTokenSource(s_barrierLimit);
        await using var barrier = _tunnels.Open(Barrier);
        try
        {
            await barrier.CopyToAsync(Stream.Null, limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Refused, as it was meant to be; or nobody answers.
        }
    }
}
