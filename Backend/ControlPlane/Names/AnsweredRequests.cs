using Google.Protobuf;
using Modal.Backend.ControlPlane.Persistence;

namespace Modal.Backend.ControlPlane.Names;

/// <summary>
/// What clients were answered, in the transaction that did it: a request that comes again because its answer was lost, even with the server, gets the same answer and does nothing twice. Kept until
/// the client says that it has the answer, at most for <see cref="Kept"/>.
/// </summary>
internal static class AnsweredRequests
{
    /// <summary>Longer than any client goes on repeating.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    public static async Task<byte[]?> FindAsync(BatchCommands commands, string objectId, string requestId) =>
        (byte[]?)await commands.ScalarAsync("SELECT reply FROM answered_requests WHERE object_id = @id AND request_id = @request", ("@id", objectId), ("@request", requestId));

    public static Task AddAsync(BatchCommands commands, string objectId, string requestId, IMessage reply, long nowMs) => commands.ExecuteAsync(
        "INSERT INTO answered_requests (object_id, request_id, reply, expires_ms) VALUES (@id, @request, @reply, @expires)",
        ("@id", objectId), ("@request", requestId), ("@reply", reply.ToByteArray()), ("@expires", nowMs + (long)Kept.TotalMilliseconds));

    public static async Task ForgetAsync(BatchCommands commands, string objectId, IEnumerable<string> requestIds)
    {
        foreach (var request in requestIds)
        {
            await commands.ExecuteAsync("DELETE FROM answered_requests WHERE object_id = @id AND request_id = @request", ("@id", objectId), ("@request", request));
        }
    }
}
