using System.Collections.Concurrent;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner.Channel;

/// <summary>What user code wants done with volumes: asked of the worker, which answers each request. Safe for many threads.</summary>
/// <param name="outgoing">Where requests go.</param>
/// <param name="beforeWait">Called before somebody may wait for an answer, since it may be the very thread that would read it.</param>
internal sealed class VolumeRequests(Outgoing outgoing, Action beforeWait) : VolumeActions
{
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource> _waiting = new();
    private ulong _lastId;

    /// <inheritdoc/>
    public override Task CommitAsync(string name, string environment) => AskAsync(VolumeAction.Commit, name, environment);

    /// <inheritdoc/>
    public override Task ReloadAsync(string name, string environment) => AskAsync(VolumeAction.Reload, name, environment);

    /// <summary>The worker has answered.</summary>
    public void OnReply(RunnerVolumeReply reply)
    {
        if (_waiting.TryRemove(reply.Id, out var waiting))
        {
            if (reply.Problem.Length > 0)
            {
                waiting.SetException(new IOException(reply.Problem));
            }
            else
            {
                waiting.SetResult();
            }
        }
    }

    private Task AskAsync(VolumeAction action, string name, string environment)
    {
        // Who waits goes on elsewhere: this thread reads the channel.
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = Interlocked.Increment(ref _lastId);
        _waiting[id] = answered;
        outgoing.Append(new RunnerFrame { Volume = new RunnerVolumeRequest { Id = id, Action = action, Name = name, Environment = environment } });
        outgoing.FlushNow();
        beforeWait();
        return answered.Task;
    }
}
