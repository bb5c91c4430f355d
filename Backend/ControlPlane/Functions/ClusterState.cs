using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>The containers of one cluster, which take each input together.</summary>
/// <param name="id">Told to the containers.</param>
/// <param name="whole">What the function sees in place of its members: it is asked for, takes inputs and ends as one container.</param>
/// <param name="size">Members, from 2 to 64.</param>
internal sealed class ClusterState(string id, ContainerState whole, int size)
{
    public string Id { get; } = id;

    public ContainerState Whole { get; } = whole;

    public int Size { get; } = size;

    /// <summary>Those that are not gone, in the order of their ranks.</summary>
    public List<ContainerState> Members { get; } = new(size);

    /// <summary>What the members work on.</summary>
    public Dictionary<AttemptKey, ClusterAttempt> Attempts { get; } = [];
}

/// <summary>Names an attempt among all of a function.</summary>
internal readonly record struct AttemptKey(string StreamId, ulong Call, ulong Index, int Attempt)
{
    public InputRef Input => new() { StreamId = StreamId, Call = Call, Index = Index };

    public static AttemptKey Of(InputRef input, int attempt) => new(input.StreamId, input.Call, input.Index, attempt);

    public bool IsOf(InputRef input) => Index == input.Index && Call == input.Call && StreamId == input.StreamId;
}

/// <summary>An attempt that all members of a cluster work on, and what they have said of it.</summary>
internal sealed class ClusterAttempt(int size)
{
    private ulong _working = ulong.MaxValue >> (64 - size);

    /// <summary>A member failed or handed the input back: what the others say no longer matters.</summary>
    public bool IsCalledOff { get; private set; }

    /// <summary>The first failure, or else the result of rank 0; null if it has none yet, or if the input was handed back.</summary>
    public AttemptResult? Outcome { get; private set; }

    /// <summary>All members are done with it.</summary>
    public bool IsOver => _working == 0;

    public bool WaitsFor(int rank) => (_working & (1UL << rank)) != 0;

    /// <summary>The member is done with it.</summary>
    /// <param name="rank">The member, from which nothing may have been heard before.</param>
    /// <param name="result">Null if it handed the input back.</param>
    public void Report(int rank, AttemptResult? result)
    {
        _working &= ~(1UL << rank);
        if (IsCalledOff)
        {
            return;
        }

        if (result?.Failure is not null || result is null)
        {
            IsCalledOff = true;
            Outcome = result;
        }
        else if (rank == 0)
        {
            Outcome = result;
        }
    }
}
