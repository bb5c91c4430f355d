using Modal.Backend.ControlPlane.Apps;

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
