namespace Modal.Backend.ControlPlane.Functions;

/// <content>What the server itself needs to know of a stream that it feeds, for calls without a client.</content>
internal sealed partial class FunctionCore
{
    /// <summary>Whether the stream has room for more unfinished inputs.</summary>
    public bool HasRoom(string streamId, int inputs) => (_streams.GetValueOrDefault(streamId)?.Live ?? 0) + inputs <= MaxInputsPerStream;

    /// <summary>How many inputs of a call are in a container.</summary>
    public int CountRunning(string streamId, ulong callNumber) =>
        _streams.GetValueOrDefault(streamId)?.FindCall(callNumber)?.Inputs.Count(static i => i.Phase == InputPhase.Running) ?? 0;

    /// <summary>Kills the containers that work on a call's inputs. Other inputs in them go back to the queue and spend no retry.</summary>
    public void TerminateContainersOf(string streamId, ulong callNumber, long now)
    {
        var containers = _streams.GetValueOrDefault(streamId)?.FindCall(callNumber)?.Inputs.Where(static i => i.Phase == InputPhase.Running).Select(static i => i.Container!).Distinct().ToArray();
        foreach (var container in containers ?? [])
        {
            Leave(container.Id, TimeSpan.Zero, "a call that ran in it was cancelled and asked for that", now);
        }
    }
}
