using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Snapshots;

namespace Modal.Backend.Worker.Runners;

/// <summary>The snapshot of a runner without code: later ones of its kind start from it, and what is put into snapshots later has most of its memory in common with it.</summary>
internal static class RunnerSnapshot
{
    /// <summary>What it is called in place of a function's name.</summary>
    public const string Function = "the runner";

    /// <summary>Whether there is none and one could be taken.</summary>
    public static bool IsWanted(RunnerKind kind, ISandboxFactory factory, SnapshotService snapshots) =>
        factory.SnapshotPlatform is { } platform && snapshots.IsWanted(SnapshotKey.Of(platform, kind));

    /// <summary>Begins to take it, of a runner that is warm.</summary>
    /// <returns>Where it goes; null if it is there or being taken, or cannot be.</returns>
    public static (SnapshotKey Key, string Folder)? TryBegin(RunnerKind kind, ISandboxFactory factory, SnapshotService snapshots) =>
        factory.SnapshotPlatform is { } platform && SnapshotKey.Of(platform, kind) is var key && snapshots.IsWanted(key) && snapshots.TryBegin(key) is { } folder ? (key, folder) : null;

    /// <summary>Takes it of a runner that is warm and waits; it goes on.</summary>
    /// <param name="place">From <see cref="TryBegin"/>.</param>
    /// <param name="sandbox">The runner.</param>
    /// <param name="spec">What it was started as.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="factory">For the trial.</param>
    /// <param name="images">For the trial.</param>
    /// <param name="snapshots">Keeps it.</param>
    /// <param name="emptyFolder">A folder for the trial, made and removed: the runner has no code.</param>
    /// <param name="time">Keeps the trial's limit.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="SandboxStartException">It could not be taken; the runner may be gone.</exception>
    public static async Task TakeAsync(
        (SnapshotKey Key, string Folder) place, ISandbox sandbox, SandboxSpec spec, RunnerKind kind, ISandboxFactory factory, ContainerImages images, SnapshotService snapshots, string emptyFolder,
        TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await sandbox.CheckpointAsync(place.Folder, cancellationToken);
        }
        catch (Exception e) when (e is SandboxStartException or OperationCanceledException)
        {
            snapshots.Abandon(place.Key, Function, place.Folder, e.Message);
            throw;
        }

        snapshots.Publish(place.Key, Function, place.Folder, kind.MemoryMiB, async (path, token) =>
        {
            var empty = Directory.CreateDirectory(emptyFolder);
            try
            {
                await SnapshotTrial.RunAsync(path, spec with { CodePath = empty.FullName }, kind.ImageId, factory, images, time, token);
            }
            finally
            {
                empty.Delete();
            }
        });
    }
}
