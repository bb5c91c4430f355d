namespace Modal.Backend.ControlPlane.Apps;

/// <content>What its own containers ask of it.</content>
internal sealed partial class AppGrain
{
    public Task<IReadOnlyList<string>?> FindMissingFunctionsAsync(IReadOnlyList<string> functionIds)
    {
        if (!IsRunning())
        {
            return Task.FromResult<IReadOnlyList<string>?>(null);
        }

        return Task.FromResult<IReadOnlyList<string>?>([.. functionIds.Where(id => !_functions.ContainsKey(id))]);
    }

    public async Task<bool> AddMissingFunctionsAsync(FunctionList functions)
    {
        if (!IsRunning())
        {
            return false;
        }

        await ConfigureAsync([.. functions.Functions.Where(f => !_functions.ContainsKey(f.FunctionId))]);
        return true;
    }

    private bool IsRunning()
    {
        if (_app is null)
        {
            // An id that somebody made up must not stay in memory.
            DeactivateOnIdle();
        }

        return _app is not null && !_isClosing;
    }
}
