using Modal.Connections;
using Modal.Deployments;
using Modal.Protocol;

namespace Modal;

/// <summary>Lists and changes what is deployed. <see cref="App.DeployAsync"/> deploys.</summary>
public static class DeployedApps
{
    /// <summary>The apps of an environment, by name.</summary>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such environment.</exception>
    public static async Task<IReadOnlyList<DeployedAppInfo>> ListAsync(string? environment = null, CancellationToken cancellationToken = default)
    {
        var request = new ListAppsRequest { Environment = DeployedAppName.Of("any", environment).Environment };
        var reply = await SendAsync(client => client.ListAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);
        return
        [
            .. reply.Apps.Select(static a => new DeployedAppInfo
            {
                Id = a.AppId,
                Name = a.Name,
                Version = a.Version,
                Created = DateTimeOffset.FromUnixTimeMilliseconds(a.CreatedMs),
                Deployed = DateTimeOffset.FromUnixTimeMilliseconds(a.DeployedMs),
                Functions = [.. a.Functions],
            }),
        ];
    }

    /// <summary>The versions of an app, the newest first; the last 200 are kept.</summary>
    /// <param name="name">The app's name.</param>
    /// <param name="environment">As for <see cref="ListAsync"/>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such app or environment.</exception>
    public static async Task<IReadOnlyList<AppVersionInfo>> HistoryAsync(string name, string? environment = null, CancellationToken cancellationToken = default)
    {
        var app = DeployedAppName.Of(name, environment);
        var request = new AppHistoryRequest { Environment = app.Environment, Name = app.Name };
        var reply = await SendAsync(client => client.HistoryAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);
        return
        [
            .. reply.Versions.Select(static v => new AppVersionInfo
            {
                Version = v.Version,
                Created = DateTimeOffset.FromUnixTimeMilliseconds(v.CreatedMs),
                Tag = v.Tag.Length > 0 ? v.Tag : null,
                GitCommit = v.GitCommit.Length > 0 ? v.GitCommit : null,
                IsGitDirty = v.GitDirty,
                RolledBackTo = v.RolledBackTo > 0 ? v.RolledBackTo : null,
                IsCurrent = v.IsCurrent,
            }),
        ];
    }

    /// <summary>Makes a new version that is like an older one, and switches to it.</summary>
    /// <param name="name">The app's name.</param>
    /// <param name="version">Which; null, the default, means the version before the current one.</param>
    /// <param name="environment">As for <see cref="ListAsync"/>.</param>
    /// <param name="strategy">How containers are replaced.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; the version may have been made.</param>
    /// <returns>What serves now.</returns>
    /// <exception cref="NotFoundException">There is no such app, version or environment.</exception>
    public static async Task<Deployment> RollbackAsync(
        string name, long? version = null, string? environment = null, DeployStrategy strategy = DeployStrategy.Rolling, CancellationToken cancellationToken = default)
    {
        var app = DeployedAppName.Of(name, environment);
        var request = new RollbackRequest { Environment = app.Environment, Name = app.Name, Version = version ?? 0, Strategy = (Protocol.DeployStrategy)strategy };
        var reply = await SendAsync(client => client.RollbackAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);
        return new Deployment { AppId = reply.AppId, Name = name, Version = reply.Version, IsUnchanged = reply.IsUnchanged, Incompatibilities = [.. reply.Incompatibilities] };
    }

    /// <summary>Stops an app and forgets its versions; its name is free again. Detached calls that are not finished are cancelled.</summary>
    /// <param name="name">The app's name.</param>
    /// <param name="environment">As for <see cref="ListAsync"/>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such app or environment.</exception>
    public static async Task StopAsync(string name, string? environment = null, CancellationToken cancellationToken = default)
    {
        var app = DeployedAppName.Of(name, environment);
        var request = new StopAppRequest { Environment = app.Environment, Name = app.Name };
        await SendAsync(client => client.StopAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);
    }

    private static Task<T> SendAsync<T>(Func<Protocol.Deployments.DeploymentsClient, Task<T>> request, CancellationToken cancellationToken) =>
        ServerConnection.SendAsync((invoker, _) => request(new Protocol.Deployments.DeploymentsClient(invoker)), cancellationToken);
}

/// <summary>A deployed app.</summary>
public sealed record DeployedAppInfo
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The version that serves, from 1.</summary>
    public required long Version { get; init; }

    /// <summary>When it was deployed first.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When the version was made.</summary>
    public required DateTimeOffset Deployed { get; init; }

    /// <summary>Its functions and services.</summary>
    public required IReadOnlyList<string> Functions { get; init; }
}

/// <summary>A version of a deployed app.</summary>
public sealed record AppVersionInfo
{
    /// <summary>Its number, from 1.</summary>
    public required long Version { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Its name for people; null if it has none.</summary>
    public string? Tag { get; init; }

    /// <summary>The commit of the folder that it was deployed from; null if that is not under git.</summary>
    public string? GitCommit { get; init; }

    /// <summary>Whether files differed from the commit.</summary>
    public bool IsGitDirty { get; init; }

    /// <summary>The version that it repeats; null if it was deployed.</summary>
    public long? RolledBackTo { get; init; }

    /// <summary>Whether it serves.</summary>
    public required bool IsCurrent { get; init; }
}
