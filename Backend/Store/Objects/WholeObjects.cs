namespace Modal.Backend.Store.Objects;

/// <summary>Objects that are read as a whole.</summary>
public static class WholeObjects
{
    // Most records and traces are smaller: one request, where asking for the size first would be two.
    private const int GuessBytes = 64 * 1024;

    /// <summary>Reads an object.</summary>
    /// <param name="tier">Where it is.</param>
    /// <param name="key">Its key.</param>
    /// <param name="maxBytes">A longer one cannot be right. Zero or more.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="TierException">It cannot be read, or is too long.</exception>
    public static async Task<byte[]?> ReadWholeAsync(this IObjectTier tier, string key, long maxBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tier);
        var guess = new byte[GuessBytes];
        if (await tier.ReadAsync(key, 0, guess, cancellationToken) is not { } length)
        {
            return null;
        }

        if (length < guess.Length && length <= maxBytes)
        {
            return guess[..length];
        }

        if (await tier.GetSizeAsync(key, cancellationToken) is not { } size)
        {
            return null;
        }

        if (size > maxBytes)
        {
            throw new TierException($"{tier.Name}: {key} has {size} bytes, which cannot be right.");
        }

        var bytes = new byte[size];
        guess.CopyTo(bytes, 0);
        return await tier.ReadAsync(key, length, bytes.AsMemory(length), cancellationToken) is not { } rest ? null
            : length + rest == size ? bytes : throw new TierException($"{tier.Name}: {key} ended early.");
    }
}
