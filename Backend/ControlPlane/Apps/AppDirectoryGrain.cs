namespace Modal.Backend.ControlPlane.Apps;

/// <summary>The list of running apps.</summary>
[KeepAlive]
internal sealed class AppDirectoryGrain : Grain, IAppDirectoryGrain
{
    private readonly SortedSet<string> _apps = new(StringComparer.Ordinal);
    private readonly HashSet<string> _attached = new(StringComparer.Ordinal);

    public Task AddAsync(string appId)
    {
        _apps.Add(appId);
        return Task.CompletedTask;
    }

    public Task RemoveAsync(string appId)
    {
        _apps.Remove(appId);
        _attached.Remove(appId);
        return Task.CompletedTask;
    }

    public Task SetAttachedAsync(string appId, bool isAttached)
    {
        if (isAttached)
        {
            _attached.Add(appId);
        }
        else
        {
            _attached.Remove(appId);
        }

        return Task.CompletedTask;
    }

    public Task<int> CountAttachedAsync() => Task.FromResult(_attached.Count);

    public Task<IReadOnlyList<string>> ListAsync() => Task.FromResult<IReadOnlyList<string>>([.. _apps]);
}
