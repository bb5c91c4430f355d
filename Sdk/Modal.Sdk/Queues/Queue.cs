using Modal.Connections;
using Modal.Names;
using Modal.Protocol;
using Modal.Queues;

namespace Modal;

/// <summary>Queues on the server, which programs and functions share: see <see cref="Queue{T}"/>.</summary>
#pragma warning disable CA1711 // It is what the name says.
public static class Queue
#pragma warning restore CA1711
{
    /// <summary>The queue of that name. Nothing is sent before it is used.</summary>
    /// <param name="name">1 to 64 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, unique in its environment.</param>
    /// <param name="createIfMissing">Makes it at first use if there is none. Else its use throws <see cref="NotFoundException"/>.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <typeparam name="T">The type of the items.</typeparam>
    public static Queue<T> FromName<T>(string name, bool createIfMissing = true, string? environment = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new Queue<T>(new QueueConnection(name, createIfMissing, environment), $"the queue '{name}'");
    }

    /// <summary>A queue without a name that lives as long as the object: it is removed when that is disposed, or five minutes after its program is gone.</summary>
    /// <param name="environment">As in <see cref="FromName{T}"/>.</param>
    /// <typeparam name="T">The type of the items.</typeparam>
    public static Queue<T> Ephemeral<T>(string? environment = null) => new(new QueueConnection("", createIfMissing: true, environment), "the ephemeral queue");

    /// <summary>Removes a queue with all its items.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">As in <see cref="FromName{T}"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    public static Task DeleteAsync(string name, string? environment = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var request = new DeleteQueueRequest { Environment = EnvironmentName.Resolve(environment), Name = name };
        return ServerConnection.SendAsync(async (invoker, _) => await QueueConnection.Client(invoker).DeleteAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <summary>The queues with names, sorted by name.</summary>
    /// <param name="environment">As in <see cref="FromName{T}"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static async Task<IReadOnlyList<StoredObject>> ListAsync(string? environment = null, CancellationToken cancellationToken = default)
    {
        var request = new ListQueuesRequest { Environment = EnvironmentName.Resolve(environment) };
        var reply = await ServerConnection.SendAsync(async (invoker, _) => await QueueConnection.Client(invoker).ListAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);
        return [.. reply.Queues.Select(static q => new StoredObject(q.ObjectId, q.Name, DateTimeOffset.FromUnixTimeMilliseconds(q.CreatedMs)))];
    }
}
