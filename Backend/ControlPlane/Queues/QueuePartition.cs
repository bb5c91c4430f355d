namespace Modal.Backend.ControlPlane.Queues;

/// <summary>What is known of a partition without asking the database.</summary>
/// <param name="Count">Items in it.</param>
/// <param name="ExpiresMs">When it is cleared, in Unix time.</param>
internal readonly record struct QueuePartition(int Count, long ExpiresMs);
