using System.Runtime.CompilerServices;
using Google.Protobuf;
using Modal.Dicts;
using Modal.Protocol;

namespace Modal;

/// <summary>
/// A dictionary on the server, which programs and functions share. What was put is on the server's disk when the task completes. An entry is gone seven days after it was last put or read. A key has at
/// most 2,000 bytes when it is encoded, a value 16 MiB. Keys are equal if their encodings are: order in a collection counts. Operations that are under way at the same time have no order among them.
/// Safe for many threads. A change that is under way when it is cancelled is waited for.
/// </summary>
/// <typeparam name="TKey">The type of the keys.</typeparam>
/// <typeparam name="TValue">The type of the values.</typeparam>
public sealed class Dict<TKey, TValue> : IAsyncDisposable
    where TKey : notnull
{
    // What the server takes in one operation, and bytes that fit well into a message.
    private const int MaxEntriesPerPut = 10_000;
    private const int MaxBytesPerPut = 8 * 1024 * 1024;

    private readonly DictConnection _connection;
    private readonly string _name;

    internal Dict(DictConnection connection, string name) => (_connection, _name) = (connection, name);

    /// <summary>The value of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotFoundException">There is no such key, or no such dict.</exception>
    public async Task<TValue> GetAsync(TKey key, CancellationToken cancellationToken = default) =>
        await TryGetAsync(key, cancellationToken).ConfigureAwait(false) is (true, var value) ? value! : throw Missing(key);

    /// <summary>The value of a key, or a default.</summary>
    /// <param name="key">The key.</param>
    /// <param name="defaultValue">What is given if there is no such key.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<TValue> GetAsync(TKey key, TValue defaultValue, CancellationToken cancellationToken = default) =>
        await TryGetAsync(key, cancellationToken).ConfigureAwait(false) is (true, var value) ? value! : defaultValue;

    /// <summary>The value of a key if there is one.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<(bool Found, TValue? Value)> TryGetAsync(TKey key, CancellationToken cancellationToken = default) =>
        Value(await _connection.ReadAsync(new DictOperation { Get = Key(key) }, cancellationToken).ConfigureAwait(false));

    /// <summary>Puts an entry, in place of the one that may be there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <exception cref="InvalidRequestException">The key or the value is too large.</exception>
    public Task PutAsync(TKey key, TValue value, CancellationToken cancellationToken = default) =>
        _connection.ChangeAsync(new DictOperation { Put = new DictPut { Entries = { Entry(key, value) } } }, cancellationToken);

    /// <summary>Puts an entry unless the key is there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <returns>Whether it was put.</returns>
    /// <exception cref="InvalidRequestException">The key or the value is too large.</exception>
    public async Task<bool> TryAddAsync(TKey key, TValue value, CancellationToken cancellationToken = default) =>
        (await _connection.ChangeAsync(new DictOperation { Put = new DictPut { Entries = { Entry(key, value) }, IfNotExists = true } }, cancellationToken).ConfigureAwait(false)).Found;

    /// <summary>Puts entries, in place of those that may be there. Up to 10,000 entries of up to 8 MiB go in one transaction, more in several one after the other.</summary>
    /// <param name="entries">The entries; of equal keys the last one counts.</param>
    /// <param name="cancellationToken">Keeps what was not sent from being sent.</param>
    /// <exception cref="InvalidRequestException">A key or a value is too large: none of its transaction was put.</exception>
    public async Task PutManyAsync(IEnumerable<KeyValuePair<TKey, TValue>> entries, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var (put, bytes) = (new DictPut(), 0L);
        foreach (var (key, value) in entries)
        {
            var entry = Entry(key, value);
            if (put.Entries.Count == MaxEntriesPerPut || (put.Entries.Count > 0 && bytes + entry.CalculateSize() > MaxBytesPerPut))
            {
                await _connection.ChangeAsync(new DictOperation { Put = put }, cancellationToken).ConfigureAwait(false);
                (put, bytes) = (new DictPut(), 0);
            }

            bytes += entry.CalculateSize();
            put.Entries.Add(entry);
        }

        if (put.Entries.Count > 0)
        {
            await _connection.ChangeAsync(new DictOperation { Put = put }, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes an entry out: of several who try one gets it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    public async Task<(bool Found, TValue? Value)> TryPopAsync(TKey key, CancellationToken cancellationToken = default) =>
        Value(await _connection.ChangeAsync(new DictOperation { Pop = Key(key) }, cancellationToken).ConfigureAwait(false));

    /// <summary>Takes an entry out: of several who try one gets it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <exception cref="NotFoundException">There is no such key, or no such dict.</exception>
    public async Task<TValue> PopAsync(TKey key, CancellationToken cancellationToken = default) =>
        await TryPopAsync(key, cancellationToken).ConfigureAwait(false) is (true, var value) ? value! : throw Missing(key);

    /// <summary>Removes an entry.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> RemoveAsync(TKey key, CancellationToken cancellationToken = default) =>
        (await _connection.ChangeAsync(new DictOperation { Pop = Key(key) }, cancellationToken).ConfigureAwait(false)).ResultCase == DictResult.ResultOneofCase.Value;

    /// <summary>Whether a key is there. Does not count as a read of its entry.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<bool> ContainsAsync(TKey key, CancellationToken cancellationToken = default) =>
        (await _connection.ReadAsync(new DictOperation { Contains = Key(key) }, cancellationToken).ConfigureAwait(false)).Found;

    /// <summary>How many entries there are, up to 100,000: more are not counted.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<long> LengthAsync(CancellationToken cancellationToken = default) =>
        (await _connection.ReadAsync(new DictOperation { Length = new DictLength() }, cancellationToken).ConfigureAwait(false)).Length;

    /// <summary>Removes all entries.</summary>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    public Task ClearAsync(CancellationToken cancellationToken = default) => _connection.ChangeAsync(new DictOperation { Clear = new DictClear() }, cancellationToken);

    /// <summary>All entries, in the order of the encoded keys, fetched as they are needed. What changes meanwhile may be missed or seen.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<KeyValuePair<TKey, TValue>> IterateAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in _connection.IterateAsync(keysOnly: false, cancellationToken).ConfigureAwait(false))
        {
            yield return new(ReadKey(entry.Key), ReadValue(entry.Value));
        }
    }

    /// <summary>All keys, as <see cref="IterateAsync"/>.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<TKey> IterateKeysAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in _connection.IterateAsync(keysOnly: true, cancellationToken).ConfigureAwait(false))
        {
            yield return ReadKey(entry.Key);
        }
    }

    /// <summary>All values, as <see cref="IterateAsync"/>.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<TValue> IterateValuesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in _connection.IterateAsync(keysOnly: false, cancellationToken).ConfigureAwait(false))
        {
            yield return ReadValue(entry.Value);
        }
    }

    /// <summary>Removes an ephemeral dict; one with a name stays.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private DictEntry Entry(TKey key, TValue value) => new() { Key = Key(key), Value = UnsafeByteOperations.UnsafeWrap(ValueCodec<TValue>.Write(value, $"A value of {_name}")) };

    private ByteString Key(TKey key) => UnsafeByteOperations.UnsafeWrap(ValueCodec<TKey>.Write(key, $"A key of {_name}"));

    private TKey ReadKey(ByteString bytes) => ValueCodec<TKey>.Read(bytes.Span, $"A key of {_name}");

    private TValue ReadValue(ByteString bytes) => ValueCodec<TValue>.Read(bytes.Span, $"A value of {_name}");

    private (bool Found, TValue? Value) Value(DictResult result) => result.ResultCase == DictResult.ResultOneofCase.Value ? (true, ReadValue(result.Value)) : (false, default);

    private NotFoundException Missing(TKey key) => new($"There is no key '{key}' in {_name}.");
}
