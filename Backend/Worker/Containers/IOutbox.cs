using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>Where containers put what the server must learn. Safe for many threads.</summary>
internal interface IOutbox
{
    /// <summary>Whether so much waits that containers should stop producing.</summary>
    bool IsFull { get; }

    /// <summary>Adds a message. Never blocks; order is kept.</summary>
    void Post(WorkerMessage message);
}
