using Modal.Protocol;

namespace Modal.Backend.Worker.Session;

/// <summary>The worker's id, kept in its state directory so that it stays the same over restarts.</summary>
internal static class WorkerIdentity
{
    public static string Load(string stateDirectory)
    {
        var path = Path.Combine(stateDirectory, "worker-id");
        if (File.Exists(path) && File.ReadAllText(path).Trim() is var known && Id.IsValid(known, Id.Worker))
        {
            return known;
        }

        var id = Id.New(Id.Worker);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllText(temporary, id);
        File.Move(temporary, path, overwrite: true);
        return id;
    }
}
