using System.Buffers;
using System.Security.Cryptography;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Blobs;

/// <summary>
/// Blobs, bytes named by their SHA-256, as objects of a tier: code files, large payloads, local files of images. A blob appears when all its bytes are there and checked. One that was stored longer
/// than half of the time to keep ago counts as missing, so that whoever needs it stores it again; so what was in use within that half has at least the other half before it, and is removed
/// a day after that at the earliest. All who use one tier must agree on the time. Safe for many threads; other processes may use the tier too.
/// </summary>
/// <param name="tier">Where the blobs are.</param>
/// <param name="keep">How long a blob stays that nobody stores again. More than zero.</param>
/// <param name="time">Says how old blobs are.</param>
public sealed class TierBlobs(IObjectTier tier, TimeSpan keep, TimeProvider time)
{
    // Few round trips to a tier that is far away, and little memory for many readers at once.
    private const int PieceBytes = 4 * 1024 * 1024;

    // Longer than clocks of machines differ, and than an app takes from the question what is missing to its start.
    private static readonly TimeSpan s_grace = TimeSpan.FromDays(1);

    private readonly BlobSlots _slots = new();

    // Stored before this, a blob is to be stored again.
    private DateTimeOffset Fresh => time.GetUtcNow() - (keep / 2);

    // Stored before this, a blob is removed.
    private DateTimeOffset Unused => time.GetUtcNow() - keep - s_grace;

    /// <summary>The tier, for logs.</summary>
    public string Name => tier.Name;

    /// <summary>Those that are to be stored: they are not there, or are old. In the order given.</summary>
    /// <param name="digests">Valid digests.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="ArgumentException">One is not 64 lower-case hexadecimal letters.</exception>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    public async Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        var missing = await tier.FindMissingAsync([.. digests.Select(ObjectKeys.Blob)], Fresh, cancellationToken);
        return [.. missing.Select(static k => ObjectKeys.Split(k).Name)];
    }

    /// <summary>Reads a blob.</summary>
    /// <param name="digest">A valid digest.</param>
    /// <param name="take">Gets the pieces one after another; each may be used until it returns. They are known to be right only when all were read.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>False if it is not stored; nothing was given then.</returns>
    /// <exception cref="ArgumentException">The digest is not 64 lower-case hexadecimal letters.</exception>
    /// <exception cref="InvalidDataException">The bytes are not those of the digest. If they are stored so, the blob is removed now and counts as missing, so that it is stored again.</exception>
    /// <exception cref="TierException">It could not be read.</exception>
    public async Task<bool> ReadAsync(string digest, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(take);
        if (await ReadToEndAsync(digest, take, cancellationToken) is not { } isRight)
        {
            return false;
        }

        if (!isRight)
        {
            var isStillThere = await VerifyAsync(digest, cancellationToken);
            throw new InvalidDataException($"{tier.Name}: the blob {digest} has other bytes than its digest says{(isStillThere ? "; read again it was right" : ", and is removed: store it again")}.");
        }

        return true;
    }

    /// <summary>Stores bytes under their digest. Of several that store the same at once, one writes and the others wait for it.</summary>
    /// <param name="digest">The digest that the bytes must have.</param>
    /// <param name="content">The bytes, read asynchronously, and to their end if the result is <see cref="BlobPutResult.Stored"/> or <see cref="BlobPutResult.WrongDigest"/>.</param>
    /// <param name="cancellationToken">Ends the attempt; nothing is stored then.</param>
    /// <exception cref="ArgumentException">The digest is not 64 lower-case hexadecimal letters.</exception>
    /// <exception cref="TierException">It could not be stored for another reason than a lack of room.</exception>
    public Task<BlobPutResult> PutAsync(string digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var key = ObjectKeys.Blob(digest);

        // Of many that wait the next finds it there, or, if the first had wrong bytes, becomes the writer.
        return _slots.AloneAsync(
            digest,
            async () => (await tier.FindMissingAsync([key], Fresh, cancellationToken)).Count == 0 ? BlobPutResult.Existed : await WriteAsync(key, digest, content, cancellationToken),
            cancellationToken);
    }

    /// <summary>Reads a blob and compares its bytes with its digest. A damaged one is removed, so that it counts as missing and is stored again.</summary>
    /// <param name="digest">A valid digest.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>True if it is stored and right.</returns>
    /// <exception cref="ArgumentException">The digest is not 64 lower-case hexadecimal letters.</exception>
    /// <exception cref="TierException">It could not be read, or not be removed.</exception>
    public Task<bool> VerifyAsync(string digest, CancellationToken cancellationToken) => _slots.AloneAsync(
        digest,
        async () =>
        {
            var isRight = await ReadToEndAsync(digest, static (_, _) => ValueTask.CompletedTask, cancellationToken);
            if (isRight == false)
            {
                await tier.DeleteAsync(ObjectKeys.Blob(digest), cancellationToken);
            }

            return isRight == true;
        },
        cancellationToken);

    /// <summary>
    /// Removes what nobody stored again for longer than the time to keep and a day. Another process that stores such a blob in the very moment of its removal loses it, and stores it again the next
    /// time that it asks what is missing: tiers cannot remove under a condition.
    /// </summary>
    /// <param name="used">Digests of what is in use and must stay. Those that are getting old are stored again, so that other processes keep them too. Not stored ones and what is no blob are fine.</param>
    /// <param name="cancellationToken">Ends it; what was removed was not used.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    public async Task<CollectionResult> CollectAsync(IReadOnlySet<string> used, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(used);
        foreach (var digest in await FindMissingAsync([.. used], cancellationToken))
        {
            await RenewAsync(digest, cancellationToken);
        }

        var (kept, removed, removedBytes) = (0, 0, 0L);
        await foreach (var blob in tier.ListAsync(ObjectKeys.Blobs, cancellationToken))
        {
            var digest = ObjectKeys.Split(blob.Key).Name;
            if (blob.Modified < Unused && !used.Contains(digest) && await TryRemoveAsync(blob.Key, digest, cancellationToken))
            {
                (removed, removedBytes) = (removed + 1, removedBytes + blob.SizeBytes);
            }
            else
            {
                kept++;
            }
        }

        return new CollectionResult(kept, removed, removedBytes);
    }

    // Null if it is not there, else whether it has its digest.
    private async Task<bool?> ReadToEndAsync(string digest, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        var key = ObjectKeys.Blob(digest);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            for (long offset = 0; ;)
            {
                if (await tier.ReadAsync(key, offset, buffer.AsMemory(0, PieceBytes), cancellationToken) is not { } length)
                {
                    return offset == 0 ? null : throw new TierException($"{tier.Name}: {key} was removed while it was read.");
                }

                hash.AppendData(buffer, 0, length);
                await take(buffer.AsMemory(0, length), cancellationToken);
                offset += length;
                if (length < PieceBytes)
                {
                    return Convert.ToHexStringLower(hash.GetHashAndReset()) == digest;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<BlobPutResult> WriteAsync(string key, string digest, Stream content, CancellationToken cancellationToken)
    {
        await using var verified = new VerifyingStream(content, digest);
        try
        {
            await tier.PutAsync(key, verified, cancellationToken);
            return BlobPutResult.Stored;
        }
        catch (InvalidDataException) when (verified.IsWrong)
        {
            return BlobPutResult.WrongDigest;
        }
        catch (TierException e) when (e.IsFull)
        {
            return BlobPutResult.DiskFull;
        }
    }

    private async Task RenewAsync(string digest, CancellationToken cancellationToken)
    {
        await using var spool = SpoolFile.Create();
        try
        {
            if (!await ReadAsync(digest, spool.WriteAsync, cancellationToken))
            {
                return;
            }
        }
        catch (InvalidDataException)
        {
            // Removed. Whoever has the bytes is told that it is missing.
            return;
        }

        spool.Position = 0;
        await PutAsync(digest, spool, cancellationToken);
    }

    // Looked at again while no other thread stores it: the listing may be old.
    private Task<bool> TryRemoveAsync(string key, string digest, CancellationToken cancellationToken) => _slots.AloneAsync(
        digest,
        async () =>
        {
            if ((await tier.FindMissingAsync([key], Unused, cancellationToken)).Count == 0)
            {
                return false;
            }

            await tier.DeleteAsync(key, cancellationToken);
            return true;
        },
        cancellationToken);
}
