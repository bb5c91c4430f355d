using Modal.Backend.ControlPlane.Persistence;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Persistence;

public sealed class PostgresDatabaseTests(PostgresServer server) : DatabaseConformance, IClassFixture<PostgresServer>
{
    protected override string BlobType => "BYTEA";

    [Fact]
    public async Task Open_ManyAtOnce_MigratesOnce()
    {
        var address = await server.CreateAsync();

        var databases = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => DatabaseAddress.Open(address))));

        foreach (var database in databases)
        {
            await database.DisposeAsync();
        }
    }

    protected override Task<string> CreateAsync() => server.CreateAsync();
}
