using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Calls;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Hears which functions have ended.</summary>
internal sealed class AppReference(World world) : IAppGrain
{
    public Task OnFunctionStoppedAsync(string functionId)
    {
        world.Require(world.StoppedFunctions.Add(functionId), $"{functionId} was reported as ended twice.");
        world.Require(world.Pool.Placement.Placed.All(p => p.Function.Id != functionId), $"{functionId} was reported as ended before the pool had its resources back.");
        return Task.CompletedTask;
    }

    // No call of the simulated clients is detached.
    public Task ReleaseAsync(string functionId) => Task.CompletedTask;

    public Task<bool> HoldAsync(string functionId) => throw Unused();

    public Task LeaveAsync(string reason) => throw Unused();

    public Task RestoreAsync(StoredFunctions functions) => throw Unused();

    public Task<string> GetNameAsync() => throw Unused();

    public Task<bool> OpenAsync(AppOpening opening) => throw Unused();

    public Task AddFunctionsAsync(FunctionList functions) => throw Unused();

    public Task<IReadOnlyList<string>?> FindMissingFunctionsAsync(IReadOnlyList<string> functionIds) => throw Unused();

    public Task<bool> AddMissingFunctionsAsync(FunctionList functions) => throw Unused();

    public Task OnLostAsync(string connectionId) => throw Unused();

    public Task CloseAsync(string reason) => throw Unused();

    public Task WakeAsync() => throw Unused();

    public Task<AppSnapshot> GetStatusAsync() => throw Unused();

    public Task<IReadOnlyList<string>> ListBlobsAsync() => throw Unused();

    private static NotSupportedException Unused() => new("No function asks this of its app.");
}
