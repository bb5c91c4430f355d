namespace Modal.Backend.ImageFs;

/// <summary>Counters of the server process.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="Connections">Images that are mounted.</param>
/// <param name="Requests">Requests of the kernel answered since the process started.</param>
/// <param name="WaitingReads">Reads that wait for bytes from elsewhere.</param>
public sealed record ServerStats(int ProcessId, int Connections, long Requests, int WaitingReads);
