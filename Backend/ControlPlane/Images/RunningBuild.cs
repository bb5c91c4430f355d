using System.Threading.Channels;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Images;

/// <summary>One client's build while a worker does it. The worker's messages never wait for the client: output that it is too slow for is left out, and it is told so.</summary>
internal sealed class RunningBuild(string id, string session)
{
    // Minutes of a chatty package manager; a client that is this far behind is not reading at all.
    private const int MaxQueuedBytes = 8 * 1024 * 1024;

    private readonly Channel<BuildEvent> _events = Channel.CreateUnbounded<BuildEvent>(new UnboundedChannelOptions { SingleReader = true });
    private int _queuedBytes;
    private bool _dropped;

    public string Id { get; } = id;

    public string Session { get; } = session;

    /// <summary>Called by the worker's stream alone, in order.</summary>
    public void Add(BuildEvent happened)
    {
        if (happened.Output is { } output)
        {
            if (Volatile.Read(ref _queuedBytes) + output.Data.Length > MaxQueuedBytes)
            {
                _dropped = true;
                return;
            }

            if (_dropped)
            {
                _dropped = false;
                _events.Writer.TryWrite(new BuildEvent
                {
                    Output = new LayerOutput { Layer = output.Layer, Source = OutputSource.System, Data = Google.Protobuf.ByteString.CopyFromUtf8("(output left out: it came faster than it was read)\n") },
                });
            }

            Interlocked.Add(ref _queuedBytes, output.Data.Length);
        }

        _events.Writer.TryWrite(happened);
        if (happened.EventCase is BuildEvent.EventOneofCase.Built or BuildEvent.EventOneofCase.Failed)
        {
            _events.Writer.TryComplete();
        }
    }

    /// <summary>The worker is gone: the events end without the last one.</summary>
    public void Lose() => _events.Writer.TryComplete();

    /// <summary>What happens, until the build's end or the worker's.</summary>
    public async IAsyncEnumerable<BuildEvent> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var happened in _events.Reader.ReadAllAsync(cancellationToken))
        {
            if (happened.Output is { } output)
            {
                Interlocked.Add(ref _queuedBytes, -output.Data.Length);
            }

            yield return happened;
        }
    }
}
