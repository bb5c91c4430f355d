using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Grpc.Core;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;

namespace Modal.Backend.ControlPlane.Environments;

/// <summary>Which environments there are. What a user stores under a name belongs to one, and names of one are not seen in another.</summary>
internal sealed class EnvironmentNames(IDatabase database, TimeProvider time)
{
    /// <summary>The one that is there from the start and meant where none is named.</summary>
    public const string Default = "main";

    // Environments are few and rarely removed; one that another server removed is believed to be there until this server starts again, and what is stored in it then fails at its key.
    private readonly ConcurrentDictionary<string, bool> _known = new(StringComparer.Ordinal);

    /// <summary>The name that is meant, if there is such an environment.</summary>
    /// <param name="name">As sent; empty means <see cref="Default"/>.</param>
    /// <exception cref="RpcException">There is none of that name.</exception>
    public async Task<string> ResolveAsync(string name)
    {
        if (name.Length == 0)
        {
            return Default;
        }

        if (!_known.ContainsKey(name))
        {
            _ = await database.ReadAsync(c => c.ExecuteScalarAsync<string?>("SELECT name FROM environments WHERE name = @name", new { name }))
                ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no environment '{name}'. Create it with ModalEnvironments.CreateAsync, or set MODAL_ENVIRONMENT to another."));
            _known.TryAdd(name, true);
        }

        return name;
    }

    public Task<IReadOnlyList<string>> ListAsync() => database.ReadAsync<IReadOnlyList<string>>(static async c =>
        [.. await c.QueryAsync<string>("SELECT name FROM environments ORDER BY name")]);

    /// <exception cref="RpcException">The name cannot be one, or there is one of that name.</exception>
    public async Task CreateAsync(string name)
    {
        ObjectNames.Check(name, "an environment", "en-");
        var made = await database.WriteAsync(c => c.ExecuteAsync(
            "INSERT INTO environments (name, created_ms) VALUES (@name, @now) ON CONFLICT (name) DO NOTHING", new { name, now = time.GetUtcNow().ToUnixTimeMilliseconds() }));
        if (made == 0)
        {
            throw new RpcException(new Status(StatusCode.AlreadyExists, $"There is an environment '{name}' already."));
        }
    }

    /// <exception cref="RpcException">There is none, or something is in it.</exception>
    public async Task DeleteAsync(string name)
    {
        if (name == Default)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The environment '{Default}' cannot be deleted."));
        }

        await ResolveAsync(name);
        _known.TryRemove(name, out _);
        try
        {
            await database.WriteAsync(c => c.ExecuteAsync("DELETE FROM environments WHERE name = @name", new { name }));
        }
        catch (DatabaseException e) when (e.InnerException is DbException { SqlState: "23503" } or Microsoft.Data.Sqlite.SqliteException { SqliteErrorCode: 19 })
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"The environment '{name}' is not empty: stop its apps and delete its volumes, secrets, dicts and queues first."));
        }
    }
}
