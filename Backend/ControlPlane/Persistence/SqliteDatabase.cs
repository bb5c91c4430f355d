using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using DbUp;
using Microsoft.Data.Sqlite;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>
/// Records in a file of this machine. One thread writes: whatever waits for it goes to disk in one transaction, so that a thousand small writes cost one sync.
/// Readers see what was committed and never wait for it.
/// </summary>
internal sealed class SqliteDatabase : IDatabase
{
    // Bounds how long the first of a batch waits for the last.
    private const int MaxBatch = 512;

    // What waits here is in memory twice; callers of their own accord wait for their writes, so this many means thousands of clients.
    private const int MaxWaiting = 100_000;

    private readonly string _connectionString;
    private readonly BlockingCollection<DatabaseWork> _waiting = new(MaxWaiting);
    private readonly SqliteConnection _writer;
    private readonly Thread _thread;

    private SqliteDatabase(string connectionString)
    {
        _connectionString = connectionString;
        _writer = Open();
        _thread = new Thread(WriteAll) { IsBackground = true, Name = "database writer" };
        _thread.Start();
    }

    /// <summary>Opens the file, made or brought up to date.</summary>
    /// <exception cref="DatabaseException">It cannot be.</exception>
    public static SqliteDatabase Open(string path)
    {
        var connectionString = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30 }.ToString();
        try
        {
            using (var connection = new SqliteConnection(connectionString))
            {
                connection.Open();
                // Kept in the file. Readers do not block the writer, and a commit is one sync.
                Execute(connection, "PRAGMA journal_mode = WAL");
            }

            Migration.Run(DeployChanges.To.SqliteDatabase(connectionString), blobType: "BLOB");
            return new SqliteDatabase(connectionString);
        }
        catch (SqliteException e)
        {
            throw Explain(e);
        }
    }

    public async Task<T> ReadAsync<T>(Func<DbConnection, Task<T>> read)
    {
        // SQLite's calls block, so they must not run on the caller's scheduler.
        return await Task.Run(async () =>
        {
            try
            {
                await using var connection = Open();
                return await read(connection);
            }
            catch (SqliteException e)
            {
                throw Explain(e);
            }
        });
    }

    public Task<T> WriteAsync<T>(Func<DbConnection, Task<T>> write)
    {
        var work = new DatabaseWork<T>(write);
        try
        {
            _waiting.Add(work);
        }
        catch (InvalidOperationException e)
        {
            return Task.FromException<T>(new DatabaseException("The server is stopping.", e));
        }

        return work.Done;
    }

    public ValueTask DisposeAsync()
    {
        if (!_waiting.IsAddingCompleted)
        {
            _waiting.CompleteAdding();
            _thread.Join();
            _writer.Dispose();
            SqliteConnection.ClearPool(new SqliteConnection(_connectionString));
            _waiting.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static DatabaseException Explain(SqliteException e)
    {
        const int Full = 13;
        return e.SqliteErrorCode == Full
            ? new DatabaseException("The disk of the server's database is full. Free space on it and try again.", e) { IsFull = true }
            : new DatabaseException($"The server's database failed: {e.Message}", e);
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        connection.Open();
        // FULL syncs at every commit: what was acknowledged survives a loss of power.
        Execute(connection, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
        return connection;
    }

    private void WriteAll()
    {
        var batch = new List<DatabaseWork>();
        foreach (var first in _waiting.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && _waiting.TryTake(out var next))
            {
                batch.Add(next);
            }

            if (!TryWrite(batch, out var error))
            {
                if (batch.Count == 1)
                {
                    first.Fail(error);
                }
                else
                {
                    // One of them spoilt it for all: each by itself.
                    foreach (var work in batch)
                    {
                        if (TryWrite([work], out error))
                        {
                            work.Complete();
                        }
                        else
                        {
                            work.Fail(error);
                        }
                    }
                }
            }
            else
            {
                batch.ForEach(static w => w.Complete());
            }

            batch.Clear();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a transaction throws belongs to who asked for it.")]
    private bool TryWrite(List<DatabaseWork> batch, [NotNullWhen(false)] out Exception? error)
    {
        try
        {
            using var transaction = _writer.BeginTransaction();
            foreach (var work in batch)
            {
                // Completes at once: SQLite has no asynchronous calls.
                work.RunAsync(_writer).GetAwaiter().GetResult();
            }

            transaction.Commit();
            error = null;
            return true;
        }
        catch (Exception e)
        {
            error = e is SqliteException sqlite ? Explain(sqlite) : e;
            return false;
        }
    }
}
