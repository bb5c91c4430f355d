using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Backend.ControlPlane.Secrets;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Names;

/// <summary>A database with the environments "main" and "dev", and a clock that stands still until a test turns it.</summary>
public abstract class NamesTestBase : IAsyncLifetime
{
    private string _address = "";
    private IDatabase? _database;

    private protected IDatabase Database => _database!;

    private protected EnvironmentNames Environments { get; private set; } = null!;

    private protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("modal-names-").FullName;

    public virtual async ValueTask InitializeAsync()
    {
        _address = await CreateAsync();
        Open();
        await Environments.CreateAsync("dev");
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes an empty database.</summary>
    protected abstract Task<string> CreateAsync();

    /// <summary>What another process would find.</summary>
    private protected async Task ReopenAsync()
    {
        await Database.DisposeAsync();
        Open();
    }

    private protected SecretStore Secrets(string keyFile = "secrets.key") =>
        new(Database, Environments, new SecretSealer(Options.Create(new ControlPlaneOptions { SecretsKey = Path.Combine(Folder, keyFile) }), NullLogger<SecretSealer>.Instance), Time);

    private protected NamesUpkeep Upkeep() => new(Database, Environments, Time, NullLogger<NamesUpkeep>.Instance);

    private protected Task<long> CountAsync(string table) => Database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT count(*) FROM {table}"));

    private void Open()
    {
        _database = DatabaseAddress.Open(_address);
        Environments = new EnvironmentNames(_database, Time);
    }
}
