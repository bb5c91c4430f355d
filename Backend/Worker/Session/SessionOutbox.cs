using System.Threading.Channels;
using Grpc.Core;
using Modal.Backend.Worker.Containers;
using Modal.Protocol;

namespace Modal.Backend.Worker.Session;

/// <summary>
/// Messages of one session on their way to the server. Never makes a container wait; what may pile up is bounded by output windows and, for results, by containers
/// that stop reading while it is full. What is queued when the session ends is lost with it: the server takes the containers' inputs back.
/// </summary>
internal sealed class SessionOutbox : IOutbox
{
    // Some dozens of the largest inline results.
    private const long FullBytes = 32 * 1024 * 1024;

    private readonly Channel<WorkerMessage> _messages = Channel.CreateUnbounded<WorkerMessage>(new UnboundedChannelOptions { SingleReader = true });
    private long _queuedBytes;

    public bool IsFull => Volatile.Read(ref _queuedBytes) > FullBytes;

    public void Post(WorkerMessage message)
    {
        Interlocked.Add(ref _queuedBytes, SizeOf(message));
        _messages.Writer.TryWrite(message);
    }

    /// <summary>No more messages: the pump writes what there is, ends its side of the stream, and ends.</summary>
    public void Complete() => _messages.Writer.TryComplete();

    public async Task PumpAsync(IClientStreamWriter<WorkerMessage> writer, CancellationToken cancellationToken)
    {
        while (await _messages.Reader.WaitToReadAsync(cancellationToken))
        {
            while (_messages.Reader.TryRead(out var message))
            {
                // Without a flush while another follows: a burst shares its writes to the socket.
                writer.WriteOptions = _messages.Reader.TryPeek(out _) ? new WriteOptions(WriteFlags.BufferHint) : null;
                await writer.WriteAsync(message, cancellationToken);
                Interlocked.Add(ref _queuedBytes, -SizeOf(message));
            }
        }

        await writer.CompleteAsync();
    }

    private static long SizeOf(WorkerMessage message) => message.MessageCase switch
    {
        WorkerMessage.MessageOneofCase.Results => message.Results.Results.Sum(static r => (long)((r.Value ?? r.Yield)?.Inline.Length ?? 0)),
        WorkerMessage.MessageOneofCase.Output => message.Output.Data.Length,
        _ => 0,
    };
}
