using System.Data.Common;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>One transaction that waits for its turn.</summary>
internal abstract class DatabaseWork
{
    /// <summary>Runs it; what comes of it is kept until <see cref="Complete"/>.</summary>
    public abstract Task RunAsync(DbConnection connection);

    /// <summary>It is on disk.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception error);
}

/// <inheritdoc/>
internal sealed class DatabaseWork<T>(Func<DbConnection, Task<T>> write) : DatabaseWork
{
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Done => _done.Task;

    public override async Task RunAsync(DbConnection connection) => _result = await write(connection);

    public override void Complete() => _done.SetResult(_result!);

    public override void Fail(Exception error) => _done.SetException(error);
}
