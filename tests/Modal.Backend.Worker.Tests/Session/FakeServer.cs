using System.Threading.Channels;
using Grpc.Core;
using Modal.Backend.Worker.Session;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Session;

/// <summary>The server's side of a worker's stream, in this process.</summary>
internal sealed class FakeServer : CallInvoker, IControlPlaneChannel
{
    private readonly Channel<WorkerMessage> _received = Channel.CreateUnbounded<WorkerMessage>();
    private readonly Channel<ServerMessage> _sent = Channel.CreateUnbounded<ServerMessage>();

    public int Dials { get; private set; }

    /// <summary>Ends when the worker has ended its side.</summary>
    public Task Completed => _received.Reader.Completion;

    public CallInvoker CreateCallInvoker() => this;

    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Send(ServerMessage message) => _sent.Writer.TryWrite(message);

    /// <summary>Takes what comes until it is this.</summary>
    public async Task<WorkerMessage> ReceiveAsync(WorkerMessage.MessageOneofCase what)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var message = await _received.Reader.ReadAsync(limit.Token);
            if (message.MessageCase == what)
            {
                return message;
            }
        }
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        Dials++;
        var writer = new Writer(_received.Writer, _sent.Writer);
        var reader = new Reader(_sent.Reader);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            (IClientStreamWriter<TRequest>)(object)writer, (IAsyncStreamReader<TResponse>)(object)reader, Task.FromResult(new Metadata()), static () => Status.DefaultSuccess, static () => [], static () => { });
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        throw new NotSupportedException();

    private sealed class Writer(ChannelWriter<WorkerMessage> received, ChannelWriter<ServerMessage> sent) : IClientStreamWriter<WorkerMessage>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(WorkerMessage message) => WriteAsync(message, CancellationToken.None);

        public async Task WriteAsync(WorkerMessage message, CancellationToken cancellationToken) => await received.WriteAsync(message, cancellationToken);

        // A server ends its side when the worker has ended its own.
        public Task CompleteAsync()
        {
            received.TryComplete();
            sent.TryComplete();
            return Task.CompletedTask;
        }
    }

    private sealed class Reader(ChannelReader<ServerMessage> sent) : IAsyncStreamReader<ServerMessage>
    {
        public ServerMessage Current { get; private set; } = new();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (await sent.WaitToReadAsync(cancellationToken) && sent.TryRead(out var message))
            {
                Current = message;
                return true;
            }

            return false;
        }
    }
}
