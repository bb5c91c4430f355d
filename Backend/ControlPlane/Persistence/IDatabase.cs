using System.Data.Common;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>
/// The control plane's records: a SQLite file, or PostgreSQL for several servers. SQL that is given to it must be understood by both. For any thread; what is
/// given to it runs on a thread of its own and must not touch a grain.
/// </summary>
internal interface IDatabase : IAsyncDisposable
{
    /// <summary>Reads what was committed.</summary>
    /// <exception cref="DatabaseException">The database cannot be reached or is damaged.</exception>
    Task<T> ReadAsync<T>(Func<DbConnection, Task<T>> read);

    /// <summary>Runs in one transaction, which is on disk when the task completes. May run more than once, so it must do nothing but use the connection; what it throws undoes it.</summary>
    /// <exception cref="DatabaseException">The database cannot be reached, or its disk is full; nothing was changed.</exception>
    Task<T> WriteAsync<T>(Func<DbConnection, Task<T>> write);
}
