using Dapper;
using Grpc.Core;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Names;

/// <summary>Dicts or queues by name and by id: a name is unique in its environment; ephemeral ones have none and live as long as somebody says so.</summary>
/// <param name="database">Where they are.</param>
/// <param name="environments">Which environments there are.</param>
/// <param name="time">The clock.</param>
/// <param name="table">Which table they are in.</param>
/// <param name="noun">What one is called.</param>
/// <param name="idPrefix">What their ids begin with.</param>
internal sealed class NamedObjects(IDatabase database, EnvironmentNames environments, TimeProvider time, string table, string noun, string idPrefix)
{
    /// <summary>How long an ephemeral one lives after its client was heard last: clients say so three times as often.</summary>
    public static readonly TimeSpan EphemeralLifetime = TimeSpan.FromSeconds(300);

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Finds or makes one; an empty name makes an ephemeral one.</summary>
    /// <exception cref="RpcException">The name cannot be one, or there is none and none is to be made.</exception>
    public async Task<string> OpenAsync(string environment, string name, bool create)
    {
        var (scope, id, now) = (await environments.ResolveAsync(environment), Id.New(idPrefix), NowMs);
        if (name.Length == 0)
        {
            var expires = now + (long)EphemeralLifetime.TotalMilliseconds;
            await database.WriteAsync(c => c.ExecuteAsync($"INSERT INTO {table} (id, environment, created_ms, expires_ms) VALUES (@id, @scope, @now, @expires)", new { id, scope, now, expires }));
            return id;
        }

        ObjectNames.Check(name, $"a {noun}", idPrefix);
        return await FindAsync(scope, name)
            ?? (create
                ? await database.WriteAsync(async c =>
                {
                    await c.ExecuteAsync($"INSERT INTO {table} (id, environment, name, created_ms) VALUES (@id, @scope, @name, @now) ON CONFLICT (environment, name) DO NOTHING", new { id, scope, name, now });
                    return (await c.ExecuteScalarAsync<string>($"SELECT id FROM {table} WHERE environment = @scope AND name = @name", new { scope, name }))!;
                })
                : throw Missing(scope, name));
    }

    /// <exception cref="RpcException">It is gone.</exception>
    public async Task KeepAliveAsync(string environment, string id)
    {
        var (scope, expires) = (await environments.ResolveAsync(environment), NowMs + (long)EphemeralLifetime.TotalMilliseconds);
        if (await database.WriteAsync(c => c.ExecuteAsync($"UPDATE {table} SET expires_ms = @expires WHERE id = @id AND environment = @scope AND name IS NULL", new { id, scope, expires })) == 0)
        {
            throw Missing(scope, id);
        }
    }

    /// <summary>Removes one with all that is in it.</summary>
    /// <returns>Its id.</returns>
    /// <exception cref="RpcException">There is none.</exception>
    public async Task<string> DeleteAsync(string environment, string name, string id)
    {
        var scope = await environments.ResolveAsync(environment);
        return await database.WriteAsync(c => id.Length > 0
            ? c.ExecuteScalarAsync<string?>($"DELETE FROM {table} WHERE environment = @scope AND id = @id RETURNING id", new { scope, id })
            : c.ExecuteScalarAsync<string?>($"DELETE FROM {table} WHERE environment = @scope AND name = @name RETURNING id", new { scope, name })) ?? throw Missing(scope, id.Length > 0 ? id : name);
    }

    public async Task<IReadOnlyList<NamedObjectInfo>> ListAsync(string environment)
    {
        var scope = await environments.ResolveAsync(environment);
        return await database.ReadAsync<IReadOnlyList<NamedObjectInfo>>(async c =>
            [.. (await c.QueryAsync<(string Id, string Name, long CreatedMs)>($"SELECT id, name, created_ms FROM {table} WHERE environment = @scope AND name IS NOT NULL ORDER BY name", new { scope }))
                .Select(static o => new NamedObjectInfo { ObjectId = o.Id, Name = o.Name, CreatedMs = o.CreatedMs })]);
    }

    /// <summary>Removes ephemeral ones that nobody keeps alive.</summary>
    public Task<int> RemoveExpiredAsync()
    {
        var now = NowMs;
        return database.WriteAsync(c => c.ExecuteAsync($"DELETE FROM {table} WHERE expires_ms < @now", new { now }));
    }

    public RpcException Missing(string environment, string name) => new(new Status(StatusCode.NotFound, $"There is no {noun} '{name}' in the environment '{(environment.Length > 0 ? environment : EnvironmentNames.Default)}'."));

    private Task<string?> FindAsync(string scope, string name) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<string?>($"SELECT id FROM {table} WHERE environment = @scope AND name = @name", new { scope, name }));
}
