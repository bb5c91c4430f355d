using Modal.Apps;
using Modal.Protocol;

namespace Modal.Volumes;

/// <summary>From the names of volumes to the ids that the server has for them.</summary>
internal static class VolumeIds
{
    /// <summary>Fills in the ids that a function's volumes lack; volumes are made if they may be.</summary>
    /// <param name="connection">To the server.</param>
    /// <param name="function">The function.</param>
    /// <param name="volumes">What is meant, in the order of the function's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task FillAsync(AppConnection connection, FunctionSpec function, IReadOnlyList<Volume> volumes, CancellationToken cancellationToken)
    {
        for (var i = 0; i < volumes.Count; i++)
        {
            if (function.Volumes[i].VolumeId.Length == 0)
            {
                var volume = await connection.Volumes.GetVolumeAsync(volumes[i].ToRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
                function.Volumes[i].VolumeId = volume.VolumeId;
            }
        }
    }
}
