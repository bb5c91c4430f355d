using System.Data.Common;
using Dapper;
using Modal.Backend.ControlPlane.Persistence;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Persistence;

/// <summary>What every database must do.</summary>
public abstract class DatabaseConformance : IAsyncLifetime
{
    private readonly List<IDatabase> _open = [];
    private string _address = "";

    private IDatabase Database => _open[0];

    public async ValueTask InitializeAsync()
    {
        _address = await CreateAsync();
        OpenAnother();
        await Database.WriteAsync(static c => c.ExecuteAsync("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"));
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var database in _open)
        {
            await database.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task WriteAsync_Completed_IsRead()
    {
        var written = await Database.WriteAsync(static c => c.ExecuteScalarAsync<long>("INSERT INTO counters VALUES ('a', 7) RETURNING value"));

        Assert.Equal((7, 7), (written, await ValueAsync("a")));
    }

    [Fact]
    public async Task WriteAsync_Throws_ChangesNothing()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Database.WriteAsync<int>(static async c =>
        {
            await c.ExecuteAsync("INSERT INTO counters VALUES ('a', 1)");
            throw new InvalidOperationException("not so");
        }));

        Assert.Equal("not so", error.Message);
        Assert.Null(await ValueAsync("a"));
    }

    [Fact]
    public async Task WriteAsync_BadStatement_IsADatabaseException()
    {
        var error = await Assert.ThrowsAsync<DatabaseException>(() => Database.WriteAsync(static c => c.ExecuteAsync("INSERT INTO nothing VALUES (1)")));

        Assert.False(error.IsFull);
        Assert.Contains("nothing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WriteAsync_FromMany_NoneIsLostAndFailuresAreTheirOwn()
    {
        await Database.WriteAsync(static c => c.ExecuteAsync("INSERT INTO counters VALUES ('a', 0)"));

        var writes = Enumerable.Range(0, 400).Select(i => Database.WriteAsync(async c =>
        {
            var value = await c.ExecuteScalarAsync<long>("UPDATE counters SET value = value + 1 WHERE name = 'a' RETURNING value");
            return i % 50 == 49 ? throw new InvalidOperationException($"{i}") : value;
        })).ToArray();
        var outcomes = await Task.WhenAll(writes.Select(static async w =>
        {
            try
            {
                return await w;
            }
            catch (InvalidOperationException)
            {
                return -1;
            }
        }));

        Assert.Equal(8, outcomes.Count(o => o == -1));
        Assert.Equal(Enumerable.Range(1, 392).Select(i => (long)i), outcomes.Where(o => o > 0).Order());
        Assert.Equal(392, await ValueAsync("a"));
    }

    [Fact]
    public async Task Open_Again_HasWhatWasWritten()
    {
        await Database.WriteAsync(static c => c.ExecuteAsync("INSERT INTO counters VALUES ('a', 3)"));
        await Database.DisposeAsync();
        _open.Clear();
        OpenAnother();

        Assert.Equal(3, await ValueAsync("a"));
        Assert.Equal(["main"], await Database.ReadAsync(static c => c.QueryAsync<string>("SELECT name FROM environments")));
    }

    [Fact]
    public async Task Blobs_OfBytes_ComeBack()
    {
        byte[] bytes = [0, 1, 255, 0];
        var read = await Database.WriteAsync(async c =>
        {
            await c.ExecuteAsync($"CREATE TABLE blobs (value {BlobType} NOT NULL)");
            await c.ExecuteAsync("INSERT INTO blobs VALUES (@bytes)", new { bytes });
            return await c.QuerySingleAsync<byte[]>("SELECT value FROM blobs");
        });

        Assert.Equal(bytes, read);
    }

    protected abstract string BlobType { get; }

    /// <summary>Makes an empty database.</summary>
    protected abstract Task<string> CreateAsync();

    private void OpenAnother() => _open.Insert(0, DatabaseAddress.Open(_address));

    private Task<long?> ValueAsync(string name) => Database.ReadAsync((DbConnection c) => c.ExecuteScalarAsync<long?>("SELECT value FROM counters WHERE name = @name", new { name }));
}
