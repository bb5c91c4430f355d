using Modal.Connections;
using Modal.Dicts;
using Modal.Names;
using Modal.Protocol;

namespace Modal;

/// <summary>Dictionaries on the server, which programs and functions share: see <see cref="Dict{TKey, TValue}"/>.</summary>
public static class Dict
{
    /// <summary>The dict of that name. Nothing is sent before it is used.</summary>
    /// <param name="name">1 to 64 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, unique in its environment.</param>
    /// <param name="createIfMissing">Makes it at first use if there is none. Else its use throws <see cref="NotFoundException"/>.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    public static Dict<TKey, TValue> FromName<TKey, TValue>(string name, bool createIfMissing = true, string? environment = null)
        where TKey : notnull
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new Dict<TKey, TValue>(new DictConnection(name, createIfMissing, environment), $"the dict '{name}'");
    }

    /// <summary>A dict without a name that lives as long as the object: it is removed when that is disposed, or five minutes after its program is gone.</summary>
    /// <param name="environment">As in <see cref="FromName{TKey, TValue}"/>.</param>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    public static Dict<TKey, TValue> Ephemeral<TKey, TValue>(string? environment = null)
        where TKey : notnull => new(new DictConnection("", createIfMissing: true, environment), "the ephemeral dict");

    /// <summary>Removes a dict with all its entries.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">As in <see cref="FromName{TKey, TValue}"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    public static Task DeleteAsync(string name, string? environment = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var request = new DeleteDictRequest { Environment = EnvironmentName.Resolve(environment), Name = name };
        return ServerConnection.SendAsync(async (invoker, _) => await DictConnection.Client(invoker).DeleteAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <summary>The dicts with names, sorted by name.</summary>
    /// <param name="environment">As in <see cref="FromName{TKey, TValue}"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static async Task<IReadOnlyList<StoredObject>> ListAsync(string? environment = null, CancellationToken cancellationToken = default)
    {
        var request = new ListDictsRequest { Environment = EnvironmentName.Resolve(environment) };
        var reply = await ServerConnection.SendAsync(async (invoker, _) => await DictConnection.Client(invoker).ListAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);
        return [.. reply.Dicts.Select(static d => new StoredObject(d.ObjectId, d.Name, DateTimeOffset.FromUnixTimeMilliseconds(d.CreatedMs)))];
    }
}
