using System.Security.Cryptography;
using Dapper;
using Google.Protobuf;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Deployments;

/// <summary>Deployed apps and their versions in the database.</summary>
internal sealed class DeploymentStore(IDatabase database, TimeProvider time)
{
    // As many as anybody rolls back to; older ones are forgotten.
    private const int KeptVersions = 200;

    /// <summary>The current version of an app; null if there is no such app.</summary>
    public Task<StoredDeployment?> FindAsync(string appId) => database.ReadAsync(async c =>
        await c.QuerySingleOrDefaultAsync<Row>(
            """
            SELECT a.app_id AS AppId, a.environment AS Environment, a.name AS Name, v.version AS Version, v.deployment AS Deployment, v.digest AS Digest, v.created_ms AS CreatedMs
            FROM deployed_apps a JOIN app_versions v ON v.app_id = a.app_id AND v.version = a.version WHERE a.app_id = @appId
            """,
            new { appId }) is { } row ? ToDeployment(row) : null);

    /// <summary>Ids of all deployed apps.</summary>
    public Task<IReadOnlyList<string>> ListIdsAsync() => database.ReadAsync<IReadOnlyList<string>>(static async c => [.. await c.QueryAsync<string>("SELECT app_id FROM deployed_apps")]);

    public Task<IReadOnlyList<DeployedApp>> ListAsync(string environment) => database.ReadAsync<IReadOnlyList<DeployedApp>>(async c =>
    [
        .. (await c.QueryAsync<Row>(
            """
            SELECT a.app_id AS AppId, a.name AS Name, a.version AS Version, a.created_ms AS CreatedMs, v.created_ms AS DeployedMs, v.deployment AS Deployment
            FROM deployed_apps a JOIN app_versions v ON v.app_id = a.app_id AND v.version = a.version WHERE a.environment = @environment ORDER BY a.name
            """,
            new { environment })).Select(static r =>
            {
                var app = new DeployedApp { AppId = r.AppId, Name = r.Name, Version = r.Version, CreatedMs = r.CreatedMs, DeployedMs = r.DeployedMs };
                app.Functions.AddRange(AppDeployment.Parser.ParseFrom(r.Deployment).Functions.Select(static f => f.Name).Order(StringComparer.Ordinal));
                return app;
            }),
    ]);

    public Task<IReadOnlyList<AppVersion>> HistoryAsync(string appId) => database.ReadAsync<IReadOnlyList<AppVersion>>(async c =>
    [
        .. (await c.QueryAsync<VersionRow>(
            """
            SELECT v.version AS Version, v.created_ms AS CreatedMs, v.tag AS Tag, v.git_commit AS GitCommit, v.git_dirty AS GitDirty, v.strategy AS Strategy, v.rolled_back_to AS RolledBackTo,
                   v.code_digest AS CodeDigest, CASE WHEN v.version = a.version THEN 1 ELSE 0 END AS IsCurrent
            FROM app_versions v JOIN deployed_apps a ON a.app_id = v.app_id WHERE v.app_id = @appId ORDER BY v.version DESC
            """,
            new { appId })).Select(static r => new AppVersion
            {
                Version = r.Version,
                CreatedMs = r.CreatedMs,
                Tag = r.Tag,
                GitCommit = r.GitCommit,
                GitDirty = r.GitDirty != 0,
                Strategy = (DeployStrategy)r.Strategy,
                RolledBackTo = r.RolledBackTo,
                CodeDigest = r.CodeDigest,
                IsCurrent = r.IsCurrent != 0,
            }),
    ]);

    /// <summary>What a version was; null if there is none.</summary>
    public Task<AppDeployment?> FindVersionAsync(string appId, long version) => database.ReadAsync(async c =>
        await c.ExecuteScalarAsync<byte[]?>("SELECT deployment FROM app_versions WHERE app_id = @appId AND version = @version", new { appId, version }) is { } bytes
            ? AppDeployment.Parser.ParseFrom(bytes)
            : null);

    /// <summary>Adds a version, which is the current one from then on.</summary>
    public Task AddAsync(StoredDeployment deployment, DeployRequest facts, DeployStrategy strategy, long rolledBackTo)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var bytes = deployment.Deployment.ToByteArray();
        return database.WriteAsync(async c =>
        {
            await c.ExecuteAsync(
                """
                INSERT INTO deployed_apps (app_id, environment, name, version, created_ms) VALUES (@AppId, @Environment, @Name, @Version, @now)
                ON CONFLICT (app_id) DO UPDATE SET version = excluded.version
                """,
                new { deployment.AppId, deployment.Environment, deployment.Name, deployment.Version, now });
            await c.ExecuteAsync("DELETE FROM app_versions WHERE app_id = @AppId AND version <= @last", new { deployment.AppId, last = deployment.Version - KeptVersions });
            return await c.ExecuteAsync(
                """
                INSERT INTO app_versions (app_id, version, created_ms, deployment, digest, code_digest, strategy, tag, git_commit, git_dirty, rolled_back_to)
                VALUES (@AppId, @Version, @now, @bytes, @Digest, @code, @strategy, @Tag, @GitCommit, @dirty, @rolledBackTo)
                """,
                new
                {
                    deployment.AppId,
                    deployment.Version,
                    now,
                    bytes,
                    deployment.Digest,
                    code = deployment.Deployment.Code.Digest,
                    strategy = (int)strategy,
                    facts.Tag,
                    facts.GitCommit,
                    dirty = facts.GitDirty ? 1 : 0,
                    rolledBackTo,
                });
        });
    }

    /// <summary>Forgets an app and its versions.</summary>
    public Task RemoveAsync(string appId) => database.WriteAsync(async c =>
    {
        await c.ExecuteAsync("DELETE FROM app_versions WHERE app_id = @appId", new { appId });
        return await c.ExecuteAsync("DELETE FROM deployed_apps WHERE app_id = @appId", new { appId });
    });

    /// <summary>What makes two versions the same: their code and definitions, not the order in which these are listed.</summary>
    public static string DigestOf(AppDeployment deployment)
    {
        var ordered = new AppDeployment { Code = deployment.Code, Functions = { deployment.Functions.OrderBy(static f => f.Name, StringComparer.Ordinal) } };
        ordered.Manifests.AddRange(deployment.Manifests.Order(StringComparer.Ordinal));
        return Convert.ToHexStringLower(SHA256.HashData(ordered.ToByteArray()));
    }

    private static StoredDeployment ToDeployment(Row row) => new(row.AppId, row.Environment, row.Name, row.Version, AppDeployment.Parser.ParseFrom(row.Deployment), row.Digest);

#pragma warning disable CA1812 // Made by Dapper.
    private sealed class Row
    {
        public string AppId { get; init; } = "";

        public string Environment { get; init; } = "";

        public string Name { get; init; } = "";

        public long Version { get; init; }

        public byte[] Deployment { get; init; } = [];

        public string Digest { get; init; } = "";

        public long CreatedMs { get; init; }

        public long DeployedMs { get; init; }
    }

    private sealed class VersionRow
    {
        public long Version { get; init; }

        public long CreatedMs { get; init; }

        public string Tag { get; init; } = "";

        public string GitCommit { get; init; } = "";

        public int GitDirty { get; init; }

        public int Strategy { get; init; }

        public long RolledBackTo { get; init; }

        public string CodeDigest { get; init; } = "";

        public int IsCurrent { get; init; }
    }
#pragma warning restore CA1812
}

/// <summary>One version of a deployed app.</summary>
[GenerateSerializer, Immutable]
internal sealed record StoredDeployment(
    [property: Id(0)] string AppId, [property: Id(1)] string Environment, [property: Id(2)] string Name, [property: Id(3)] long Version, [property: Id(4)] AppDeployment Deployment, [property: Id(5)] string Digest);
