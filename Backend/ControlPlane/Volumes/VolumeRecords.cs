using Dapper;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>Which volumes there are and what their newest versions are. Safe from many threads and several servers.</summary>
internal sealed class VolumeRecords(IDatabase database, TimeProvider time)
{
    private const string Columns = "volume_id, environment, name, version, index_name, created_ms, changed_ms";

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <returns>Null if there is none of that name.</returns>
    public Task<VolumeRecord?> FindAsync(string environment, string name) => database.ReadAsync(c => c.QuerySingleOrDefaultAsync<VolumeRecord?>(
        $"SELECT {Columns} FROM volumes WHERE environment = @environment AND name = @name", new { environment, name }));

    /// <returns>Null if it was deleted.</returns>
    public Task<VolumeRecord?> FindAsync(string volumeId) => database.ReadAsync(c => c.QuerySingleOrDefaultAsync<VolumeRecord?>(
        $"SELECT {Columns} FROM volumes WHERE volume_id = @volumeId", new { volumeId }));

    public Task<IReadOnlyList<VolumeRecord>> ListAsync(string environment) => database.ReadAsync<IReadOnlyList<VolumeRecord>>(async c =>
        [.. await c.QueryAsync<VolumeRecord>($"SELECT {Columns} FROM volumes WHERE environment = @environment ORDER BY name", new { environment })]);

    /// <summary>Those of all environments.</summary>
    public Task<IReadOnlyList<VolumeRecord>> ListAsync() => database.ReadAsync<IReadOnlyList<VolumeRecord>>(static async c =>
        [.. await c.QueryAsync<VolumeRecord>($"SELECT {Columns} FROM volumes")]);

    /// <summary>Makes a volume unless somebody else has made it meanwhile.</summary>
    /// <param name="environment">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="index">The index of its first version, which is stored.</param>
    public Task CreateAsync(string environment, string name, string index)
    {
        var (volumeId, now) = (Id.New(Id.Volume), Now);
        return database.WriteAsync(c => c.ExecuteAsync(
            $"INSERT INTO volumes ({Columns}) VALUES (@volumeId, @environment, @name, 1, @index, @now, @now) ON CONFLICT (environment, name) DO NOTHING", new { volumeId, environment, name, index, now }));
    }

    /// <summary>Puts a new version in place of the one that it was made from.</summary>
    /// <param name="volumeId">The volume.</param>
    /// <param name="version">The version that it was made from.</param>
    /// <param name="index">Its index, which is stored.</param>
    /// <returns>False if that is not the newest any more; then nothing is changed.</returns>
    public async Task<bool> TryCommitAsync(string volumeId, long version, string index)
    {
        var now = Now;
        return await database.WriteAsync(c => c.ExecuteAsync(
            "UPDATE volumes SET version = version + 1, index_name = @index, changed_ms = @now WHERE volume_id = @volumeId AND version = @version", new { volumeId, version, index, now })) == 1;
    }

    /// <returns>False if there is none.</returns>
    public async Task<bool> DeleteAsync(string environment, string name) =>
        await database.WriteAsync(c => c.ExecuteAsync("DELETE FROM volumes WHERE environment = @environment AND name = @name", new { environment, name })) == 1;

    /// <returns>False if there is none, or there is one of the new name.</returns>
    public async Task<bool> TryRenameAsync(string environment, string name, string newName) =>
        await database.WriteAsync(c => c.ExecuteAsync(
            "UPDATE volumes SET name = @newName WHERE environment = @environment AND name = @name AND NOT EXISTS (SELECT 1 FROM volumes WHERE environment = @environment AND name = @newName)",
            new { environment, name, newName })) == 1;
}
