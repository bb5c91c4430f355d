using CliWrap;
using Dapper;
using Modal.Backend.ControlPlane.Persistence;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Persistence;

public sealed class SqliteDatabaseTests : DatabaseConformance
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-db-").FullName;

    protected override string BlobType => "BLOB";

    [Theory]
    [InlineData("")]
    [InlineData("sqlite:relative")]
    [InlineData("postgresql://host")]
    [InlineData("mysql://host/a")]
    public void Open_UnknownAddress_SaysWhatItMustBe(string address)
    {
        var error = Assert.Throws<ArgumentException>(() => DatabaseAddress.Open(address));

        Assert.Equal($"The database is '{address}'; it must be sqlite:/path or postgresql://user@host:port/database.", error.Message);
    }

    [Fact]
    public async Task WriteAsync_DiskFull_SaysSoKeepsTheRestAndGoesOnLater()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "A full disk is a small file system that only root can mount.");
        var disk = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(disk);
        await Cli.Wrap("mount").WithArguments(["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]).ExecuteAsync(TestContext.Current.CancellationToken);
        try
        {
            await using var database = DatabaseAddress.Open($"sqlite:{disk}/a.db");
            await database.WriteAsync(static c => c.ExecuteAsync("CREATE TABLE filled (id BIGINT PRIMARY KEY, value BLOB NOT NULL)"));
            var kept = 0;
            var error = await Assert.ThrowsAsync<DatabaseException>(async () =>
            {
                for (; ; kept++)
                {
                    await database.WriteAsync(c => c.ExecuteAsync("INSERT INTO filled VALUES (@kept, @bytes)", new { kept, bytes = new byte[100_000] }));
                }
            });

            Assert.True(error.IsFull, error.Message);
            Assert.True(kept > 5);
            Assert.Equal(kept, await database.ReadAsync(static c => c.ExecuteScalarAsync<int>("SELECT count(*) FROM filled")));

            await Cli.Wrap("mount").WithArguments(["-o", "remount,size=8m", disk]).ExecuteAsync(TestContext.Current.CancellationToken);
            await database.WriteAsync(c => c.ExecuteAsync("INSERT INTO filled VALUES (@kept, @bytes)", new { kept, bytes = new byte[100_000] }));
            Assert.Equal(kept + 1, await database.ReadAsync(static c => c.ExecuteScalarAsync<int>("SELECT count(*) FROM filled")));
        }
        finally
        {
            await Cli.Wrap("umount").WithArguments(["-l", disk]).ExecuteAsync(CancellationToken.None);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override Task<string> CreateAsync() => Task.FromResult($"sqlite:{_folder}/server.db");
}
