using Dapper;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Dicts;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Backend.ControlPlane.Queues;

namespace Modal.Backend.ControlPlane.Names;

/// <summary>Removes from the database what has expired. What has is not shown before either: this only frees the room.</summary>
internal sealed class NamesUpkeep(IDatabase database, EnvironmentNames environments, TimeProvider time, ILogger<NamesUpkeep> logger) : Upkeep(time, s_interval, s_interval)
{
    // Twice the lifetime of an ephemeral dict or queue, and as long as answers are kept.
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(10);

    // A queue that is in use clears its partitions itself, at once: it must not find them gone.
    private static readonly TimeSpan s_partitionGrace = TimeSpan.FromHours(1);

    protected override Task RunAsync(CancellationToken cancellationToken) => RemoveExpiredAsync();

    protected override void Complain(Exception error) => logger.NamesNotCollected(error, s_interval);

    internal async Task RemoveExpiredAsync()
    {
        var now = Time.GetUtcNow().ToUnixTimeMilliseconds();
        var old = now - (long)s_partitionGrace.TotalMilliseconds;
        await database.WriteAsync(c => c.ExecuteAsync("DELETE FROM answered_requests WHERE expires_ms < @now", new { now }));
        await new DictStore(database, Time).RemoveExpiredAsync();
        await DictService.Names(database, environments, Time).RemoveExpiredAsync();
        await QueueService.Names(database, environments, Time).RemoveExpiredAsync();
        await database.WriteAsync(async c =>
        {
            await c.ExecuteAsync(
                "DELETE FROM queue_items WHERE EXISTS (SELECT 1 FROM queue_partitions p WHERE p.queue_id = queue_items.queue_id AND p.name = queue_items.partition_name AND p.expires_ms < @old)", new { old });
            return await c.ExecuteAsync("DELETE FROM queue_partitions WHERE expires_ms < @old", new { old });
        });
    }
}
