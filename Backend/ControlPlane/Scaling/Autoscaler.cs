namespace Modal.Backend.ControlPlane.Scaling;

/// <summary>How many containers a function should have. A pure rule: the caller holds the state and the clock.</summary>
internal static class Autoscaler
{
    // A backlog that one container works off in a second is not worth another start, which takes about that long.
    private const double DrainUs = 1_000_000;

    /// <param name="backlog">Inputs without a result, waiting and running.</param>
    /// <param name="serviceUs">Measured time of one input, zero while unknown.</param>
    /// <param name="concurrency">Inputs that run at the same time in one container, at least 1.</param>
    /// <param name="min">Containers to keep whatever happens.</param>
    /// <param name="max">Upper bound, at least 1.</param>
    /// <returns>Between <paramref name="min"/> and <paramref name="max"/>.</returns>
    public static int Desired(long backlog, double serviceUs, int concurrency, int min, int max)
    {
        if (backlog <= 0)
        {
            return Math.Min(min, max);
        }

        // More containers than this would have nothing to do.
        var useful = (backlog + concurrency - 1) / concurrency;
        var needed = serviceUs > 0 ? Math.Ceiling(Math.Min(backlog * serviceUs / (concurrency * DrainUs), int.MaxValue)) : useful;
        return (int)Math.Clamp(Math.Min(useful, Math.Max(1, needed)), min, max);
    }
}
