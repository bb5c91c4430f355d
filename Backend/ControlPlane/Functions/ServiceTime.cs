namespace Modal.Backend.ControlPlane.Functions;

/// <summary>Measured time of one input, and what follows from it for how much a container may hold in advance.</summary>
internal sealed class ServiceTime
{
    // Some 20 results carry the average from a first, slow, just-in-time compiled run to the true value.
    private const double Weight = 0.2;

    // Work that waits inside a container: covers the way to the server and back several times, and is little to lose or hand back.
    private const double PrefetchUs = 5_000;

    // Inputs of a microsecond each would otherwise ask for thousands; batches beyond this gain nothing.
    private const int MaxPrefetch = 256;

    /// <summary>In microseconds; zero while nothing was measured.</summary>
    public double AverageUs { get; private set; }

    public void Add(long runUs)
    {
        // The clock of a container may say zero for very short inputs; known-and-short must differ from unknown.
        double measured = Math.Max(1, runUs);
        AverageUs = AverageUs == 0 ? measured : AverageUs + (Weight * (measured - AverageUs));
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
