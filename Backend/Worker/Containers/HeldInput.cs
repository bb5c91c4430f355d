using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>An attempt that the container has and has not answered.</summary>
internal sealed class HeldInput(Attempt attempt, ulong id)
{
    /// <summary>Number in the runner protocol.</summary>
    public ulong Id { get; } = id;

    /// <summary>Which input.</summary>
    public InputRef Input { get; } = attempt.Input;

    /// <summary>Which try.</summary>
    public int Number { get; } = attempt.Attempt_;

    /// <summary>The inputs that run in the same call, itself among them; empty for one that runs by itself.</summary>
    public IReadOnlyList<HeldInput> Batch { get; set; } = [];

    /// <summary>Nobody waits for its call any more: it was cancelled, and so were all others of its batch.</summary>
    public bool IsAbandoned => Cancelled && Batch.All(h => h.Cancelled);

    /// <summary>When its code began, as a timestamp; 0 before.</summary>
    public long Began { get; set; }

    /// <summary>When its container is killed because it did not stop, as a timestamp; 0 while it need not.</summary>
    public long KillAt { get; set; }

    /// <summary>Its time was up.</summary>
    public bool TimedOut { get; set; }

    /// <summary>The caller cancelled it.</summary>
    public bool Cancelled { get; set; }
}
