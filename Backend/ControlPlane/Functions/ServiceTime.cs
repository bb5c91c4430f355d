namespace Modal.Backend.ControlPlane.Functions;

/// <summary>Measured time of one input, and what follows from it for how much a container may hold in advance.</summary>
internal sealed class ServiceTime
{
    // Follows a change of the work within some 20 results.
    private const double Weight = 0.2;

    // Work that waits inside a container: covers the way to the server and back several times, and is little to lose or hand back.
    private const double PrefetchUs = 5_000;

    // Inputs of a microsecond each would otherwise ask for thousands; batches beyond this gain nothing.
    private const int MaxPrefetch = 256;

    /// <summary>In microseconds; zero while nothing was measured.</summary>
    public double AverageUs { get; private set; }

    /// <summary>Whether something was measured that was not the first run of a container.</summary>
    public bool IsKnown { get; private set; }

    /// <param name="runUs">What was measured.</param>
    /// <param name="isFirst">The first run in its container is compiled just in time and may take a thousand times as long as the next: it counts only while there is nothing better.</param>
    public void Add(long runUs, bool isFirst)
    {
        // The clock of a container may say zero for very short inputs; known-and-short must differ from unknown.
        double measured = Math.Max(1, runUs);
        if (isFirst && IsKnown)
        {
            return;
        }

        AverageUs = AverageUs == 0 || (!isFirst && !IsKnown) ? measured : AverageUs + (Weight * (measured - AverageUs));
        IsKnown |= !isFirst;
    }

    /// <summary>How many inputs a container may hold.</summary>
    public int Credit(int concurrency)
    {
        if (AverageUs == 0)
        {
            return concurrency;
        }

        var wanted = Math.Min(concurrency * Math.Ceiling(PrefetchUs / AverageUs), int.MaxValue);
        return (int)Math.Clamp(wanted, concurrency, Math.Max(concurrency, MaxPrefetch));
    }
}
