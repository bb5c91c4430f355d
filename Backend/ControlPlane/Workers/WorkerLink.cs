using System.Collections.Concurrent;
using Modal.Backend.ControlPlane.Containers;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Workers;

/// <summary>One session of a worker: what goes to it, and which function each of its containers serves.</summary>
internal sealed class WorkerLink(string session) : Outbox<ServerMessage>
{
    // Well under the size a worker accepts, and few enough bytes that the first input is not held up by the last.
    private const int MaxDispatchBytes = 4 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, ContainerIdentity> _containers = new(StringComparer.Ordinal);
    private readonly Lock _starts = new();
    private bool _isLost;
    private int _startsSinceReport;
    private int _reportedStarting;

    public string Session { get; } = session;

    /// <summary>GPUs that the worker has.</summary>
    public IReadOnlyList<WorkerGpu> Gpus { get; init; } = [];

    /// <summary>When the worker was last heard of.</summary>
    public long LastHeardMs { get; set; }

    /// <summary>About to stop: it gets nothing new.</summary>
    public bool IsDraining { get; set; }

    public string? FunctionOf(string containerId) => Find(containerId)?.FunctionId;

    /// <summary>A container that it has or is about to start; null if it has no such container.</summary>
    public ContainerIdentity? Find(string containerId) => _containers.GetValueOrDefault(containerId);

    /// <summary>Sends a container to the worker.</summary>
    /// <returns>False if the worker is lost: then its loss is reported to nobody for this container.</returns>
    public bool TryStart(StartContainer start)
    {
        lock (_starts)
        {
            if (_isLost)
            {
                return false;
            }

            _startsSinceReport++;
            _containers[start.ContainerId] = new ContainerIdentity(start);
        }

        Post(new ServerMessage { Start = start });
        return true;
    }

    /// <summary>The worker is lost: nothing is started on it any more.</summary>
    /// <returns>The functions of its containers.</returns>
    public IReadOnlyList<string> Lose()
    {
        lock (_starts)
        {
            _isLost = true;
            foreach (var container in _containers.Values)
            {
                container.End();
            }

            return [.. _containers.Values.Select(static c => c.FunctionId).Distinct(StringComparer.Ordinal)];
        }
    }

    /// <summary>The worker reports how many containers start there.</summary>
    /// <returns>Whether that is news: as long as nothing changes nobody needs to hear it.</returns>
    public bool ReportStarting(int starting)
    {
        lock (_starts)
        {
            var isNew = starting != _reportedStarting || _startsSinceReport > 0;
            (_reportedStarting, _startsSinceReport) = (starting, 0);
            return isNew;
        }
    }

    public void Forget(string containerId)
    {
        if (_containers.TryRemove(containerId, out var container))
        {
            container.End();
        }
    }

    /// <summary>Posts inputs as one message or, when they are large, as several.</summary>
    public void Dispatch(DispatchInputs inputs)
    {
        var bytes = 0L;
        DispatchInputs? part = null;
        for (var i = 0; i < inputs.Attempts.Count; i++)
        {
            var size = inputs.Attempts[i].Arguments?.Inline.Length ?? 0;
            if (i > 0 && bytes + size > MaxDispatchBytes)
            {
                Post(new ServerMessage { Dispatch = part ?? Slice(inputs, 0, i) });
                part = new DispatchInputs { ContainerId = inputs.ContainerId };
                bytes = 0;
            }

            bytes += size;
            part?.Attempts.Add(inputs.Attempts[i]);
        }

        Post(new ServerMessage { Dispatch = part ?? inputs });
    }

    private static DispatchInputs Slice(DispatchInputs inputs, int start, int end)
    {
        var slice = new DispatchInputs { ContainerId = inputs.ContainerId };
        for (var i = start; i < end; i++)
        {
            slice.Attempts.Add(inputs.Attempts[i]);
        }

        return slice;
    }
}
