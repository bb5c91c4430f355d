namespace Modal.Backend.ControlPlane.Workers;

/// <summary>Names of sessions: the worker's id and a part that differs each time it connects.</summary>
internal static class WorkerSession
{
    public static string New(string workerId) => $"{workerId}/{Guid.NewGuid():N}";

    public static string WorkerIdOf(string session) => session.Split('/')[0];
}
