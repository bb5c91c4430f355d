using System.Collections.Concurrent;

namespace Modal.Backend.Store.Blobs;

/// <summary>Lets one caller at a time change a blob; others wait. For many threads.</summary>
internal sealed class BlobSlots
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _taken = new(StringComparer.Ordinal);

    /// <summary>Does something while nobody else changes the blob.</summary>
    /// <param name="digest">Which.</param>
    /// <param name="act">What to do.</param>
    /// <param name="cancellationToken">Ends the waiting for others.</param>
    public async Task<T> AloneAsync<T>(string digest, Func<Task<T>> act, CancellationToken cancellationToken)
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_taken.GetOrAdd(digest, mine) is var first && first != mine)
        {
            await first.Task.WaitAsync(cancellationToken);
        }

        try
        {
            return await act();
        }
        finally
        {
            _taken.TryRemove(digest, out _);
            mine.SetResult();
        }
    }
}
