using Modal.Backend.Store.Digests;

namespace Modal.Backend.ImageFs.Supervising;

/// <summary>A FUSE connection as the supervisor keeps it: everything that a new server needs to go on with it. All members but <see cref="Attached"/> are for who holds the supervisor's lock.</summary>
internal sealed class Connection : IDisposable
{
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public required long Number { get; init; }

    /// <summary>Where the index was: an image's files may lie in other packs by another index.</summary>
    public required string IndexPath { get; init; }

    public required Digest ImageId { get; init; }

    public required bool Passthrough { get; init; }

    /// <summary>Where the file system itself is mounted; callers get bind mounts of it.</summary>
    public required string BasePath { get; init; }

    /// <summary>The index, the mount's state, the devices.</summary>
    public required IReadOnlyList<Descriptor> Descriptors { get; init; }

    /// <summary>Mounts that callers have.</summary>
    public int Users { get; set; }

    /// <summary>Traces that are being recorded, by number.</summary>
    public HashSet<long> Traces { get; } = [];

    /// <summary>Ends when a server serves it for the first time; fails if none can.</summary>
    public Task Attached => _attached.Task;

    public void SetAttached() => _attached.TrySetResult();

    public void Fail(Exception exception) => _attached.TrySetException(exception);

    /// <summary>Closes the descriptors, which ends the connection for its users if no server has them.</summary>
    public void Dispose()
    {
        foreach (var descriptor in Descriptors)
        {
            descriptor.Dispose();
        }
    }
}
