using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Calls;

namespace Modal.Backend.ControlPlane;

/// <summary>Asks which apps run.</summary>
public interface IRunningApps
{
    /// <summary>The number of apps that are open or being stopped.</summary>
    Task<int> CountAsync();

    /// <summary>Digests of the blobs that these apps name (code, constructor arguments, local files of images), and inputs and results of detached calls.</summary>
    Task<IReadOnlySet<string>> ListBlobsAsync();
}

/// <summary>Asks the directory.</summary>
internal sealed class RunningApps(IGrainFactory grains, CallStore calls) : IRunningApps
{
    public async Task<int> CountAsync() => (await grains.GetGrain<IAppDirectoryGrain>(0).ListAsync()).Count;

    public async Task<IReadOnlySet<string>> ListBlobsAsync()
    {
        var found = await Task.WhenAll((await grains.GetGrain<IAppDirectoryGrain>(0).ListAsync()).Select(a => grains.GetGrain<IAppGrain>(a).ListBlobsAsync()));
        return found.SelectMany(static b => b).Concat(await calls.ListBlobsAsync()).ToHashSet(StringComparer.Ordinal);
    }
}
