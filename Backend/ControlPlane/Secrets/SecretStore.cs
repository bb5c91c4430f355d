using Dapper;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>Secrets in the database, sealed. Values leave it only towards a container or a build step.</summary>
internal sealed class SecretStore(IDatabase database, EnvironmentNames environments, SecretSealer sealer, TimeProvider time) : ISecretValues
{
    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Keeps values under a name.</summary>
    /// <returns>The secret's id; null if there is one already and it was to be made.</returns>
    public Task<string?> WriteAsync(string scope, string name, IReadOnlyDictionary<string, string> variables, SecretWrite mode)
    {
        var (newId, now) = (Id.New(Id.Secret), NowMs);
        return database.WriteAsync(async c =>
        {
            var found = await c.QuerySingleOrDefaultAsync<Row>("SELECT id, sealed FROM secrets WHERE environment = @scope AND name = @name", new { scope, name });
            if (found is not null && mode is SecretWrite.Create or SecretWrite.Unspecified)
            {
                return null;
            }

            var values = found is not null && mode == SecretWrite.Merge ? sealer.Open(scope, name, found.Sealed) : new SecretValues();
            foreach (var (key, value) in variables)
            {
                values.Variables[key] = value;
            }

            var row = new { id = found?.Id ?? newId, scope, name, keys = Keys(values.Variables), bytes = sealer.Seal(scope, name, values), now };
            await c.ExecuteAsync(
                "INSERT INTO secrets (id, environment, name, keys, sealed, created_ms, updated_ms) VALUES (@id, @scope, @name, @keys, @bytes, @now, @now) "
                    + "ON CONFLICT (environment, name) DO UPDATE SET keys = excluded.keys, sealed = excluded.sealed, updated_ms = excluded.updated_ms",
                row);
            return row.id;
        });
    }

    /// <summary>Keeps values for as long as an app lives.</summary>
    public Task PutForAppAsync(string scope, string appId, string id, IReadOnlyDictionary<string, string> variables)
    {
        var values = new SecretValues { Variables = { variables.ToDictionary() } };
        var row = new { id, scope, appId, keys = Keys(values.Variables), bytes = sealer.Seal(scope, id, values), now = NowMs };
        return database.WriteAsync(c => c.ExecuteAsync(
            "INSERT INTO secrets (id, environment, app_id, keys, sealed, created_ms, updated_ms) VALUES (@id, @scope, @appId, @keys, @bytes, @now, @now) "
                + "ON CONFLICT (id) DO UPDATE SET keys = excluded.keys, sealed = excluded.sealed, updated_ms = excluded.updated_ms WHERE secrets.app_id = excluded.app_id",
            row));
    }

    /// <summary>The app has ended.</summary>
    public Task RemoveOfAppAsync(string appId) => database.WriteAsync(c => c.ExecuteAsync("DELETE FROM secrets WHERE app_id = @appId", new { appId }));

    /// <returns>Whether there was one.</returns>
    public async Task<bool> DeleteAsync(string scope, string name) =>
        await database.WriteAsync(c => c.ExecuteAsync("DELETE FROM secrets WHERE environment = @scope AND name = @name", new { scope, name })) > 0;

    public Task<IReadOnlyList<SecretInfo>> ListAsync(string scope) => database.ReadAsync<IReadOnlyList<SecretInfo>>(async c =>
        [.. (await c.QueryAsync<(string Id, string Name, string Keys, long CreatedMs, long UpdatedMs)>(
            "SELECT id, name, keys, created_ms, updated_ms FROM secrets WHERE environment = @scope AND name IS NOT NULL ORDER BY name", new { scope }))
            .Select(static s => new SecretInfo { SecretId = s.Id, Name = s.Name, CreatedMs = s.CreatedMs, UpdatedMs = s.UpdatedMs, Keys = { s.Keys.Split('\n', StringSplitOptions.RemoveEmptyEntries) } })]);

    public async Task<IReadOnlyDictionary<string, string>> ResolveAsync(string appId, IEnumerable<SecretReference> references)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var reference in references)
        {
            foreach (var (key, value) in await OpenAsync(appId, reference))
            {
                all[key] = value;
            }
        }

        return all;
    }

    public string Fingerprint(IReadOnlyDictionary<string, string> variables) => sealer.Fingerprint(variables);

    private static string Keys(IReadOnlyDictionary<string, string> variables) => string.Join('\n', variables.Keys.Order(StringComparer.Ordinal));

    private static string Keys(Google.Protobuf.Collections.MapField<string, string> variables) => Keys(variables.ToDictionary());

    private async Task<IEnumerable<KeyValuePair<string, string>>> OpenAsync(string appId, SecretReference reference)
    {
        if (reference.SecretId.Length > 0)
        {
            var (id, app) = (reference.SecretId, appId);
            var mine = await database.ReadAsync(c => c.QuerySingleOrDefaultAsync<AppRow>("SELECT environment, sealed FROM secrets WHERE id = @id AND app_id = @app", new { id, app }))
                ?? throw new SecretException("A secret of the app is gone: the app has ended, or its server lost it. Start the program again.", null) { IsMissing = true };
            return sealer.Open(mine.Environment, id, mine.Sealed).Variables;
        }

        var scope = await environments.ResolveAsync(reference.Environment);
        var found = await database.ReadAsync(c => c.QuerySingleOrDefaultAsync<Row>("SELECT id, sealed FROM secrets WHERE environment = @scope AND name = @name", new { scope, name = reference.Name }))
            ?? throw new SecretException($"There is no secret '{reference.Name}' in the environment '{scope}'. Create it with Secret.CreateAsync.", null) { IsMissing = true };
        var values = sealer.Open(scope, reference.Name, found.Sealed).Variables;
        var missing = reference.RequiredKeys.Where(k => !values.ContainsKey(k)).ToArray();
        return missing.Length == 0
            ? values
            : throw new SecretException($"The secret '{reference.Name}' in the environment '{scope}' has no {string.Join(", ", missing.Select(static m => $"'{m}'"))}, which the function requires: add what is missing to it.", null);
    }

    private sealed record Row
    {
        public string Id { get; init; } = "";

        public byte[] Sealed { get; init; } = [];
    }

    private sealed record AppRow
    {
        public string Environment { get; init; } = "";

        public byte[] Sealed { get; init; } = [];
    }
}
