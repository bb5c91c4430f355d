using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Runners;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>
/// Snapshots of memory on this worker: finds them for starts, and keeps new ones after a trial. Whatever fails here costs a quicker start and nothing else. Safe from many threads.
/// </summary>
internal sealed class SnapshotService : IAsyncDisposable
{
    // A start that finds a snapshot elsewhere waits for its bytes no longer than a start without it would usually take, many times over.
    private static readonly TimeSpan s_fetchLimit = TimeSpan.FromSeconds(20);

    // For memory to become free for a trial.
    private static readonly TimeSpan s_roomLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_roomPause = TimeSpan.FromSeconds(2);

    private const string BeingTaken = "being taken";

    private readonly SnapshotStore _store;
    private readonly LocalSnapshots _local;
    private readonly TimeProvider _time;
    private readonly ILogger<SnapshotService> _logger;
    private readonly OncePerKey<bool> _fetches = new();
    private readonly ConcurrentDictionary<string, string> _taking = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _given = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _publishing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    public SnapshotService(IOptions<WorkerOptions> options, ImageStore images, TimeProvider time, ILogger<SnapshotService> logger)
    {
        _store = new SnapshotStore(images, time, logger);
        _local = new LocalSnapshots(Path.Combine(options.Value.StateDirectory, "snapshots"), options.Value.SnapshotBytes);
        (_time, _logger) = (time, logger);
    }

    /// <summary>Takes away what a killed worker left.</summary>
    public void CleanUp() => _local.CleanUp();

    /// <summary>Finds a snapshot and brings its files to this machine.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>It, until it is disposed of; or why it cannot be used, which is null if there is none.</returns>
    public async Task<(LocalSnapshot? Snapshot, string? Obstacle)> FindAsync(SnapshotKey key, CancellationToken cancellationToken)
    {
        try
        {
            if (await _local.UseAsync(key.Name) is { } here)
            {
                return (here, null);
            }

            if (_taking.ContainsKey(key.Name) || await _store.FindAsync(key, cancellationToken) is not { } record)
            {
                return (null, null);
            }

            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_fetchLimit);
            try
            {
                await _fetches.GetAsync(key.Name, () => FetchAsync(key, record), limit.Token);
                _fetches.Forget(key.Name);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // Damaged where it is stored: nobody shall wait for it again, and another takes its place.
                await RejectAsync(key, record.Function, e.Message);
                throw;
            }

            return (await _local.UseAsync(key.Name), null);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Log.SnapshotNotFetched(_logger, key.Name, e.Message);
            return (null, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"its bytes did not come within {s_fetchLimit.TotalSeconds} s"));
        }
    }

    /// <summary>A snapshot that is on this machine already, until it is disposed of; null if it is not.</summary>
    public Task<LocalSnapshot?> FindLocalAsync(SnapshotKey key) => _local.UseAsync(key.Name);

    /// <summary>A restore failed: the snapshot is not used again, here or elsewhere, and another is taken.</summary>
    public async Task RejectAsync(SnapshotKey key, string function, string reason)
    {
        Log.SnapshotRejected(_logger, key.Name, function, reason);
        _local.Remove(key.Name);
        try
        {
            await _store.DeleteAsync(key, CancellationToken.None);
        }
        catch (IOException e)
        {
            // This machine does not use it again in any case: its record comes with another's index.
            Log.SnapshotNotFetched(_logger, key.Name, e.Message);
        }

        if (!_given.TryAdd(key.Name, reason))
        {
            // The second one of this worker that did not work: there is no use in a third.
            _taking[key.Name] = reason;
        }
    }

    /// <summary>Whether a snapshot is neither here nor being taken, and nothing keeps it from being taken.</summary>
    public bool IsWanted(SnapshotKey key) => !_taking.ContainsKey(key.Name) && !_local.Has(key.Name);

    /// <summary>Whether a snapshot is being taken and will be here soon.</summary>
    public bool IsComing(SnapshotKey key) => _taking.GetValueOrDefault(key.Name) == BeingTaken;

    /// <summary>Begins to take a snapshot.</summary>
    /// <returns>The folder for its files; null if it is being taken already, or cannot be.</returns>
    public string? TryBegin(SnapshotKey key) => _taking.TryAdd(key.Name, BeingTaken) ? _local.NewFolder(key.Name) : null;

    /// <summary>It cannot be taken: this worker does not try again.</summary>
    public void Abandon(SnapshotKey key, string function, string folder, string reason)
    {
        Log.SnapshotNotTaken(_logger, function, reason);
        _taking[key.Name] = reason;
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Tries a snapshot that was taken, keeps it here and stores it, all in the background.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="function">The function.</param>
    /// <param name="folder">Its files; gone afterwards.</param>
    /// <param name="memoryMiB">What a trial may need.</param>
    /// <param name="trial">Restores it from a folder; throws if that fails.</param>
    public void Publish(SnapshotKey key, string function, string folder, long memoryMiB, Func<string, CancellationToken, Task> trial)
    {
        lock (_running)
        {
            _running.RemoveAll(static task => task.IsCompleted);
            _running.Add(Task.Run(() => PublishAsync(key, function, folder, memoryMiB, trial, _stop.Token)));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_running)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
        _publishing.Dispose();
        _stop.Dispose();
    }

    private async Task PublishAsync(SnapshotKey key, string function, string folder, long memoryMiB, Func<string, CancellationToken, Task> trial, CancellationToken cancellationToken)
    {
        try
        {
            // One at a time: a trial needs as much memory as a container.
            await _publishing.WaitAsync(cancellationToken);
            try
            {
                var size = new DirectoryInfo(folder).EnumerateFiles().Sum(static f => f.Length);
                await WaitForRoomAsync(Math.Min(size * 2, memoryMiB * 1024 * 1024), cancellationToken);
                await trial(folder, cancellationToken);
                await _local.KeepAsync(key.Name, folder);

                // Its starts are quick from here on; the rest is for other workers.
                _taking.TryRemove(key.Name, out _);
                using var kept = await _local.UseAsync(key.Name) ?? throw new IOException("It is gone from this machine's disk.");
                var (sizeBytes, newBytes, packedBytes) = await _store.PutAsync(key, function, kept.Folder, cancellationToken);
                Log.SnapshotPublished(_logger, key.Name, function, sizeBytes, newBytes, packedBytes);
            }
            finally
            {
                _publishing.Release();
            }
        }
        catch (OperationCanceledException)
        {
            _taking.TryRemove(key.Name, out _);
        }
#pragma warning disable CA1031 // The edge of background work: whatever is wrong with a snapshot, functions run without it.
        catch (Exception e)
        {
            Log.SnapshotNotTaken(_logger, function, e.Message);
            _taking[key.Name] = e.Message;
        }
#pragma warning restore CA1031
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private async Task<bool> FetchAsync(SnapshotKey key, SnapshotRecord record)
    {
        var folder = _local.NewFolder(key.Name);
        try
        {
            await _store.FetchAsync(record, folder, CancellationToken.None);
            await _local.KeepAsync(key.Name, folder);
            return true;
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private async Task WaitForRoomAsync(long bytes, CancellationToken cancellationToken)
    {
        var start = _time.GetTimestamp();
        while (MachineMemory.AvailableBytes() < bytes)
        {
            if (_time.GetElapsedTime(start) > s_roomLimit)
            {
                throw new IOException($"There was no memory for a trial, {bytes} bytes, for {s_roomLimit.TotalMinutes} minutes.");
            }

            await Task.Delay(s_roomPause, _time, cancellationToken);
        }
    }
}
