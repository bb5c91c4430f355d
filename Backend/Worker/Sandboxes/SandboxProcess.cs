using Modal.Backend.Worker.Cgroups;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Native;
using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>A sandbox that is a process of this machine: watched by its descriptor, limited by its control group.</summary>
internal sealed class SandboxProcess : ISandbox
{
    // A sandbox's kernel and its channel work in the same group: a container that may use half a core should have that for its code.
    private const double OverheadCores = 0.05;

    private readonly Descriptor _process;
    private readonly SandboxIo _io;
    private readonly Cgroup? _cgroup;
    private readonly MemoryWatch _memory;
    private readonly Func<ProcessEnd?, bool, bool, SandboxExit> _describe;
    private readonly Action _cleanUp;
    private readonly Func<string, CancellationToken, Task>? _checkpoint;
    private readonly Func<string, CancellationToken, Task>? _restore;
    private readonly TaskCompletionSource<SandboxExit> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EventLoop.Watched _watch;
    private readonly IDisposable _awaited;
    private volatile bool _overLimit;
    private volatile bool _killed;

    /// <param name="process">The process to watch.</param>
    /// <param name="pid">Its number.</param>
    /// <param name="io">Its channel and pipes, not yet open.</param>
    /// <param name="cgroup">Its limits, where there are any.</param>
    /// <param name="memoryBytes">Memory at which it is killed.</param>
    /// <param name="memory">Looks at its memory.</param>
    /// <param name="loop">Reports its end.</param>
    /// <param name="describe">Turns the end of the process, whether it went over its limit, and whether we killed it, into an exit.</param>
    /// <param name="cleanUp">Removes what it leaves.</param>
    /// <param name="onViolation">Told what the sandbox sent that no runner sends, before it is killed.</param>
    /// <param name="checkpoint">Writes its memory into a folder; null if that cannot be.</param>
    /// <param name="restore">Fills it from a folder; null if that cannot be.</param>
    public SandboxProcess(
        Descriptor process, int pid, SandboxIo io, Cgroup? cgroup, long memoryBytes, MemoryWatch memory, EventLoop loop,
        Func<ProcessEnd?, bool, bool, SandboxExit> describe, Action cleanUp, Action<string> onViolation,
        Func<string, CancellationToken, Task>? checkpoint = null, Func<string, CancellationToken, Task>? restore = null)
    {
        (_process, _io, _cgroup, _memory, _describe, _cleanUp) = (process, io, cgroup, memory, describe, cleanUp);
        (_checkpoint, _restore) = (checkpoint, restore);
        _awaited = Orphans.Await(pid);
        io.Open(what =>
        {
            onViolation(what);
            Kill();
        });
        if (cgroup is not null)
        {
            memory.Add(this, cgroup, memoryBytes, () =>
            {
                _overLimit = true;
                Kill();
            });
        }

        _watch = loop.Watch(process, 0, OnEnd);
        _watch.Change(Epoll.EPOLLIN);
    }

    /// <inheritdoc/>
    public Task<SandboxExit> Exited => _exited.Task;

    /// <inheritdoc/>
    public void Send(WorkerFrame frame) => _io.Send(frame);

    /// <inheritdoc/>
    public void ReadPipes(bool read) => _io.ReadPipes(read);

    /// <inheritdoc/>
    public void ReadFrames(bool read) => _io.ReadFrames(read);

    /// <inheritdoc/>
    public Task CheckpointAsync(string folder, CancellationToken cancellationToken) =>
        _checkpoint is null ? throw new SandboxStartException("Plain processes cannot be put into a snapshot.") : _checkpoint(folder, cancellationToken);

    /// <inheritdoc/>
    public Task RestoreAsync(string folder, CancellationToken cancellationToken) =>
        _restore is null ? throw new SandboxStartException("Plain processes cannot be restored from a snapshot.") : _restore(folder, cancellationToken);

    /// <inheritdoc/>
    public void SetCpu(double cores) => _cgroup?.SetCpu(cores);

    /// <inheritdoc/>
    public bool LimitCpu(double cores) => _cgroup?.LimitCpu(cores > 0 ? cores + OverheadCores : 0) ?? false;

    /// <inheritdoc/>
    public void Pause(bool pause)
    {
        if (!_process.IsClosed)
        {
            Wait.Kill(_process, pause ? Wait.SIGSTOP : Wait.SIGCONT);
        }
    }

    /// <inheritdoc/>
    public void Kill()
    {
        _killed = true;
        if (!_process.IsClosed)
        {
            Wait.Kill(_process, Wait.SIGKILL);
        }
    }

    /// <summary>Ends the channel without ending the sandbox: what the death of this process does. For tests.</summary>
    internal void CloseChannel() => _io.CloseChannel();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Kill();
        await _exited.Task;
    }

    private void OnEnd()
    {
        _watch.Dispose();
        _memory.Remove(this);
        _io.Drain();

        // Before the group is emptied by us: our own kills count as well.
        var outOfMemory = _overLimit || _cgroup?.OutOfMemoryKills > 0;
        var stragglers = _cgroup?.Kill() ?? [];
        var end = Wait.Reap(_process);
        _awaited.Dispose();
        foreach (var pid in stragglers)
        {
            _ = Wait.TryReap(pid);
        }

        _io.Dispose();
        _process.Dispose();
        _cleanUp();
        _exited.TrySetResult(_describe(end, outOfMemory, _killed));
    }
}
