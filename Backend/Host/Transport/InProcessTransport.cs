using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Modal.Backend.Host.Transport;

/// <summary>Connections between two parts of one process over memory. The server listens on <see cref="InProcessEndPoint"/>; the client connects by <see cref="ConnectAsync"/>.</summary>
internal sealed class InProcessTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly Channel<ConnectionContext> _pending = Channel.CreateUnbounded<ConnectionContext>();

    public bool CanBind(EndPoint endpoint) => endpoint is InProcessEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(new Listener(endpoint, _pending));

    /// <summary>A new connection's client end.</summary>
    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        var options = new PipeOptions(useSynchronizationContext: false);
        var (up, down) = (new Pipe(options), new Pipe(options));
        if (!_pending.Writer.TryWrite(new DefaultConnectionContext(Guid.NewGuid().ToString("N"), new Duplex(up.Reader, down.Writer), new Duplex(down.Reader, up.Writer))))
        {
            throw new IOException("The server of this process does not take connections any more.");
        }

        return new(new DuplexStream(down.Reader, up.Writer));
    }

    private sealed class Listener(EndPoint endpoint, Channel<ConnectionContext> pending) : IConnectionListener
    {
        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await pending.Reader.WaitToReadAsync(cancellationToken) && pending.Reader.TryRead(out var connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            pending.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
