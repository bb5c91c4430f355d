using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.ImageFs.Server;

/// <summary>
/// The server process: does what the supervisor says until the supervisor is gone. One thread reads commands; connections have their own threads; prefetches and
/// failed reads run on the pool.
/// </summary>
internal sealed class ImageFsServer(ControlChannel channel, IContent content, TimeProvider time, ILogger logger)
{
    private readonly ConcurrentDictionary<long, ServerConnection> _connections = new();
    private long _pastRequests;

    /// <summary>Serves. Returns when the supervisor has closed its end, or died.</summary>
    public void Run()
    {
        while (true)
        {
            var descriptors = new List<Descriptor>();
            if (channel.Receive(ControlJson.Default.ControlRequest, descriptors) is not { } request)
            {
                return;
            }

            // Not awaited: a command answers itself, and a prefetch must not delay the next one.
            _ = AnswerAsync(request, descriptors);
        }
    }

    private async Task AnswerAsync(ControlRequest request, List<Descriptor> descriptors)
    {
        var reply = new ControlReply { Id = request.Id };
        try
        {
            reply = request.Command switch
            {
                ControlCommand.Ping => reply,
                ControlCommand.Mount => await MountAsync(request, descriptors, reply),
                ControlCommand.StartTrace => StartTrace(request, reply),
                ControlCommand.StopTrace => reply with { Trace = Find(request).StopTrace(request.TraceId) },
                ControlCommand.Prefetch => await PrefetchAsync(request, reply),
                ControlCommand.Stats => reply with { Stats = MakeStats() },
                _ => reply with { Error = $"There is no command {request.Command}." },
            };
        }
#pragma warning disable CA1031 // The edge: whatever went wrong is the answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            reply = reply with { Error = exception.Message };
            foreach (var descriptor in descriptors)
            {
                descriptor.Dispose();
            }
        }

        channel.Send(reply, ControlJson.Default.ControlReply, []);
    }

    private async Task<ControlReply> MountAsync(ControlRequest request, List<Descriptor> descriptors, ControlReply reply)
    {
        var connection = ServerConnection.Start(content, Digest.Parse(request.ImageId ?? ""), request.Passthrough, descriptors, time, logger);
        descriptors.Clear();
        _connections[request.Connection] = connection;
        _ = EndAsync(request.Connection, connection);
        await connection.Session.Ready;
        return reply;
    }

    private async Task EndAsync(long number, ServerConnection connection)
    {
        await connection.Session.Ended;
        _connections.TryRemove(number, out _);
        Interlocked.Add(ref _pastRequests, connection.Session.Requests);
        channel.Send(new ControlReply { Id = 0, EndedConnection = number }, ControlJson.Default.ControlReply, []);
        await connection.DisposeAsync();
    }

    private ControlReply StartTrace(ControlRequest request, ControlReply reply)
    {
        Find(request).StartTrace(request.TraceId);
        return reply;
    }

    private async Task<ControlReply> PrefetchAsync(ControlRequest request, ControlReply reply)
    {
        await Find(request).PrefetchAsync(AccessTrace.Parse(request.Trace));
        return reply;
    }

    private ServerConnection Find(ControlRequest request) => _connections.TryGetValue(request.Connection, out var connection)
        ? connection
        : throw new InvalidOperationException($"Connection {request.Connection} has ended.");

    private ServerStats MakeStats() => new(
        Environment.ProcessId, _connections.Count, Interlocked.Read(ref _pastRequests) + _connections.Values.Sum(c => c.Session.Requests), _connections.Values.Sum(c => c.Session.PendingCount));
}
