namespace Modal.Backend.Store.Objects;

/// <summary>The usual questions to a tier.</summary>
public static class ObjectTierExtensions
{
    /// <summary>Those of the keys that are not there, in the order given.</summary>
    /// <param name="tier">Who is asked.</param>
    /// <param name="keys">Which.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TierException">The tier cannot be asked.</exception>
    public static Task<IReadOnlyList<string>> FindMissingAsync(this IObjectTier tier, IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tier);
        return tier.FindMissingAsync(keys, DateTimeOffset.MinValue, cancellationToken);
    }
}
