namespace Modal.Backend.Store.Objects;

/// <summary>
/// A place that keeps objects: bytes under a key. Keys are <c>kind/name</c> (see <see cref="ObjectKeys"/>): letters, digits, '-', '.', '_', one '/'. An object appears as a whole or
/// not at all. Nothing that comes from a tier is believed: the caller verifies it. Implementations may be called from many threads.
/// </summary>
public interface IObjectTier
{
    /// <summary>For logs, such as <c>folder /var/lib/modal/store</c>.</summary>
    string Name { get; }

    /// <summary>Those of the keys that are not there, or were last stored before a time, in the order given.</summary>
    /// <param name="keys">Which.</param>
    /// <param name="storedSince">What was stored before counts as missing, by the tier's clock. <see cref="DateTimeOffset.MinValue"/>: the age does not matter.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken);

    /// <summary>The length of an object in bytes; null if it is not there.</summary>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken);

    /// <summary>Reads a part of an object.</summary>
    /// <param name="key">Which object.</param>
    /// <param name="offset">Where the part begins, from 0.</param>
    /// <param name="destination">Filled as far as the object goes.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The number of bytes read, fewer than asked for only at the object's end; null if the object is not there.</returns>
    /// <exception cref="TierException">It could not be read. Trying again may help.</exception>
    Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken);

    /// <summary>Stores an object, in place of one that is there.</summary>
    /// <exception cref="TierException">It could not be stored; whatever was there before still is.</exception>
    Task PutAsync(string key, Stream content, CancellationToken cancellationToken);

    /// <summary>All objects of a kind, in no order. What is added or removed meanwhile may be listed or not.</summary>
    /// <param name="kind">The part of keys before the '/'.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken);

    /// <summary>Removes an object. One that is not there is fine.</summary>
    /// <exception cref="TierException">It could not be removed.</exception>
    Task DeleteAsync(string key, CancellationToken cancellationToken);
}
