using System.Collections.Concurrent;
using Modal.Backend.Worker.Cgroups;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>
/// Kills sandboxes at their memory limit. The kernel does it too, but only after three to ten seconds of looking for memory that is not there,
/// during which the container seems to hang. Safe for many threads.
/// </summary>
internal sealed class MemoryWatch : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    // The kernel charges in batches, so usage stays a little below the limit while it already reclaims.
    private const long MarginBytes = 4 * 1024 * 1024;

    private readonly ConcurrentDictionary<object, (Cgroup Cgroup, long Limit, Action Exceeded)> _watched = new();
    private readonly ITimer _timer;

    public MemoryWatch(TimeProvider time) => _timer = time.CreateTimer(_ => Look(), null, s_interval, s_interval);

    /// <summary>Begins to watch.</summary>
    public void Add(object owner, Cgroup cgroup, long limitBytes, Action exceeded) => _watched[owner] = (cgroup, limitBytes, exceeded);

    /// <summary>Ends watching.</summary>
    public void Remove(object owner) => _watched.TryRemove(owner, out _);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        foreach (var (owner, (cgroup, limit, exceeded)) in _watched)
        {
            if (cgroup.UsedBytes >= limit - MarginBytes && _watched.TryRemove(owner, out _))
            {
                exceeded();
            }
        }
    }
}
