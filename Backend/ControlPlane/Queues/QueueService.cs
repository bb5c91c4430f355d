using Dapper;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Queues;

/// <summary>Queues for clients.</summary>
internal sealed class QueueService(
    IGrainFactory grains, IDatabase database, EnvironmentNames environments, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<QueueService> logger) : Protocol.Queues.QueuesBase
{
    // Well under the time after which a call of a grain counts as lost, 30 s; who waits longer is asked for again, which costs nothing while nothing comes.
    private const long MaxGrainWaitMs = 15_000;

    private readonly NamedObjects _names = Names(database, environments, time);

    public static NamedObjects Names(IDatabase database, EnvironmentNames environments, TimeProvider time) => new(database, environments, time, "queues", "queue", Id.Queue);

    public override async Task<OpenQueueReply> Open(OpenQueueRequest request, ServerCallContext context) => new()
    {
        QueueId = await _names.OpenAsync(request.Environment, request.Name, request.CreateIfMissing),
        LifetimeMs = request.Name.Length > 0 ? 0 : (long)NamedObjects.EphemeralLifetime.TotalMilliseconds,
    };

    public override async Task<KeepQueueAliveReply> KeepAlive(KeepQueueAliveRequest request, ServerCallContext context)
    {
        await _names.KeepAliveAsync(request.Environment, request.QueueId);
        return new KeepQueueAliveReply { LifetimeMs = (long)NamedObjects.EphemeralLifetime.TotalMilliseconds };
    }

    public override async Task<DeleteQueueReply> Delete(DeleteQueueRequest request, ServerCallContext context)
    {
        var id = await _names.DeleteAsync(request.Environment, request.Name, request.QueueId);
        await grains.GetGrain<IQueueGrain>(id).ForgetAsync();
        return new DeleteQueueReply();
    }

    public override async Task<ListQueuesReply> List(ListQueuesRequest request, ServerCallContext context) => new() { Queues = { await _names.ListAsync(request.Environment) } };

    public override async Task<QueueBatchReply> Execute(QueueBatch request, ServerCallContext context)
    {
        BatchChecks.Check(request.RequestId, request.Operations.Count, QueueLimits.MaxOperations);
        if (request.Operations.Count > 1 && request.Operations.Any(static o => o.Get is { WaitMs: > 0 }))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "A get that waits must be the only operation of its batch."));
        }

        var environment = await environments.ResolveAsync(request.Environment);
        var grain = grains.GetGrain<IQueueGrain>(request.QueueId);
        var get = request.Operations is [{ Get: { WaitMs: > 0 and <= QueueLimits.MaxWaitMs } waiting }] ? waiting : null;
        if (get is null)
        {
            return (await grain.ExecuteAsync(new QueueRequest("", environment, request))).Reply ?? throw _names.Missing(request.Environment, request.QueueId);
        }

        var callId = Guid.NewGuid().ToString("N");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await using var cancel = stop.Token.Register(() => _ = logger.WatchAsync(grain.CancelAsync(callId)));
        for (var left = get.WaitMs; ; left -= MaxGrainWaitMs)
        {
            stop.Token.ThrowIfCancellationRequested();
            get.WaitMs = Math.Min(left, MaxGrainWaitMs);
            var reply = (await grain.ExecuteAsync(new QueueRequest(callId, environment, request.Clone()))).Reply ?? throw _names.Missing(request.Environment, request.QueueId);
            if (reply.Results is not [{ Items.Items.Count: 0 }] || left <= MaxGrainWaitMs)
            {
                return stop.IsCancellationRequested && reply.Results is [{ Items.Items.Count: 0 }] ? throw new RpcException(new Status(StatusCode.Unavailable, "The server is stopping.")) : reply;
            }
        }
    }

    public override async Task<QueuePage> Iterate(IterateQueueRequest request, ServerCallContext context)
    {
        var environment = await environments.ResolveAsync(request.Environment);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return await database.ReadAsync(async c =>
        {
            if (await c.ExecuteScalarAsync<int?>("SELECT 1 FROM queues WHERE id = @id AND environment = @environment", new { id = request.QueueId, environment }) is null)
            {
                return null;
            }

            var page = new QueuePage();
            var bytes = 0L;
            await using var reader = await c.ExecuteReaderAsync(
                "SELECT i.seq, i.value FROM queue_items i JOIN queue_partitions p ON p.queue_id = i.queue_id AND p.name = i.partition_name "
                    + $"WHERE i.queue_id = @id AND i.partition_name = @partition AND i.seq > @after AND p.expires_ms > @now ORDER BY i.seq LIMIT {QueueLimits.MaxPage + 1}",
                new { id = request.QueueId, partition = request.Partition, after = request.After, now });
            while (await reader.ReadAsync())
            {
                if (page.Items.Count == QueueLimits.MaxPage || bytes >= QueueLimits.MaxPageBytes)
                {
                    page.HasMore = true;
                    break;
                }

                var item = UnsafeByteOperations.UnsafeWrap(reader.GetFieldValue<byte[]>(1));
                (page.Last, bytes) = (reader.GetInt64(0), bytes + item.Length);
                page.Items.Add(item);
            }

            return page;
        }) ?? throw _names.Missing(request.Environment, request.QueueId);
    }
}
