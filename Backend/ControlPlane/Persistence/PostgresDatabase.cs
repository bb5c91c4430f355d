using System.Data.Common;
using System.Net.Sockets;
using Dapper;
using DbUp;
using Npgsql;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>Records in PostgreSQL, shared by servers. Its own group commit serves writers that come at the same time.</summary>
internal sealed class PostgresDatabase : IDatabase
{
    // Conflicts of transactions end by one going first; this many in a row mean that something else is wrong.
    private const int MaxAttempts = 8;

    // Any number that no other program takes in this database: servers that start together bring it up to date one after the other.
    private const long MigrationLock = 0x4D4F44414C;

    private readonly NpgsqlDataSource _source;

    private PostgresDatabase(NpgsqlDataSource source) => _source = source;

    /// <summary>Connects, and brings the database up to date.</summary>
    /// <exception cref="DatabaseException">It cannot be.</exception>
    public static PostgresDatabase Open(string connectionString)
    {
        try
        {
            var once = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ToString();
            using (var connection = new NpgsqlConnection(once))
            {
                connection.Open();
                connection.Execute("SELECT pg_advisory_lock(@MigrationLock)", new { MigrationLock });
                Migration.Run(DeployChanges.To.PostgresqlDatabase(once), blobType: "BYTEA");
                connection.Execute("SELECT pg_advisory_unlock(@MigrationLock)", new { MigrationLock });
            }

            return new PostgresDatabase(NpgsqlDataSource.Create(connectionString));
        }
        catch (Exception e) when (e is NpgsqlException or SocketException)
        {
            throw Explain(e);
        }
    }

    public async Task<T> ReadAsync<T>(Func<DbConnection, Task<T>> read)
    {
        try
        {
            await using var connection = await _source.OpenConnectionAsync();
            return await read(connection);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException)
        {
            throw Explain(e);
        }
    }

    public async Task<T> WriteAsync<T>(Func<DbConnection, Task<T>> write)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync();
                await using var transaction = await connection.BeginTransactionAsync();
                var result = await write(connection);
                await transaction.CommitAsync();
                return result;
            }
            catch (PostgresException e) when (attempt < MaxAttempts && e.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected)
            {
                await Task.Delay(Random.Shared.Next(1, 10 * attempt));
            }
            catch (Exception e) when (e is NpgsqlException or SocketException)
            {
                throw Explain(e);
            }
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static DatabaseException Explain(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.DiskFull }
        ? new DatabaseException("The disk of the server's database is full. Free space on it and try again.", e) { IsFull = true }
        : new DatabaseException($"The server's database failed: {e.Message}", e);
}
