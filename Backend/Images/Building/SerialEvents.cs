using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>Passes events on one at a time.</summary>
internal sealed class SerialEvents(Action<BuildEvent> emit)
{
    private readonly Lock _gate = new();

    public void Emit(BuildEvent happened)
    {
        lock (_gate)
        {
            emit(happened);
        }
    }
}
