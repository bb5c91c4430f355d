using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>
/// Keeps the newest version of every volume from being collected: a record in the store names its index, under the month as the records of images do. A version that was committed since the
/// last time is younger than the collector's grace time, a day, and stays by itself; older ones go when that has passed. Every server does it, also where several share a store.
/// </summary>
internal sealed class VolumeUpkeep(VolumeRecords records, IObjectTier tier, TimeProvider time, ILogger<VolumeUpkeep> logger) : Upkeep(time, s_delay, s_interval)
{
    // Soon, since this server may have stood still for long; not at once, since somebody waits for its start.
    private static readonly TimeSpan s_delay = TimeSpan.FromMinutes(1);

    // Several times in the collector's grace time.
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(4);

    /// <summary>Writes the records.</summary>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        foreach (var volume in await records.ListAsync())
        {
            using var content = new MemoryStream(Encoding.UTF8.GetBytes($$"""{"index":{{JsonSerializer.Serialize(volume.Index_name)}}}"""));
            await tier.PutAsync(BuildKey.Of(volume.Volume_id, Time.GetUtcNow()).ToString(), content, cancellationToken);
        }
    }

    protected override Task RunAsync(CancellationToken cancellationToken) => RenewAsync(cancellationToken);

    protected override void Complain(Exception error) => logger.VolumesNotRenewed(tier.Name, s_interval, error);
}
