using Modal.Connections;
using Modal.Protocol;

namespace Modal;

/// <summary>Environments, such as dev and prod: what is stored under a name in one is not seen in another. <c>main</c> is there from the start.</summary>
public static class ModalEnvironments
{
    /// <summary>Their names.</summary>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public static async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await SendAsync(client => client.ListAsync(new ListEnvironmentsRequest(), cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false)).Names];

    /// <summary>Makes one.</summary>
    /// <param name="name">1 to 64 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, with a letter or digit first, and not <c>en-</c>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="InvalidRequestException">It cannot be a name.</exception>
    /// <exception cref="AlreadyExistsException">There is one of that name.</exception>
    public static async Task CreateAsync(string name, CancellationToken cancellationToken = default) =>
        await SendAsync(client => client.CreateAsync(new CreateEnvironmentRequest { Name = name }, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);

    /// <summary>Deletes one that is empty.</summary>
    /// <param name="name">Its name; not <c>main</c>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidRequestException">Something is in it, or it is <c>main</c>.</exception>
    public static async Task DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        await SendAsync(client => client.DeleteAsync(new DeleteEnvironmentRequest { Name = name }, cancellationToken: cancellationToken).ResponseAsync, cancellationToken).ConfigureAwait(false);

    private static Task<T> SendAsync<T>(Func<Protocol.Environments.EnvironmentsClient, Task<T>> request, CancellationToken cancellationToken) =>
        ServerConnection.SendAsync((invoker, _) => request(new Protocol.Environments.EnvironmentsClient(invoker)), cancellationToken);
}
