using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Apps;

/// <summary>What goes to one RunApp stream.</summary>
internal sealed class AppOutbox(string connectionId) : Outbox<AppEvent>
{
    public string ConnectionId { get; } = connectionId;
}
