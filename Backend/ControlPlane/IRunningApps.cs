using Modal.Backend.ControlPlane.Apps;

namespace Modal.Backend.ControlPlane;

/// <summary>Asks how many apps run.</summary>
public interface IRunningApps
{
    /// <summary>The number of apps that are open or being stopped.</summary>
    Task<int> CountAsync();
}

/// <summary>Asks the directory.</summary>
internal sealed class RunningApps(IGrainFactory grains) : IRunningApps
{
    public async Task<int> CountAsync() => (await grains.GetGrain<IAppDirectoryGrain>(0).ListAsync()).Count;
}
