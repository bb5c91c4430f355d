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

    private const int MeanOver = 64;

    // Scaling multiplies by the whole backlog: one run that the machine held up for 50 ms among thousands of 20 us must not ask for containers. A change that stays arrives all the same, within some
    // 40 runs if it is a hundredfold.
    private const double MostOfMean = 8;

    // Before, the mean may still be that of an accident.
    private const int KnownAfter = 8;

    private int _measured;

    /// <summary>Of the last few, in microseconds; zero while nothing was measured.</summary>
    public double AverageUs { get; private set; }

    /// <summary>Of the last hundred or so without outliers, in microseconds; zero while nothing was measured.</summary>
    public double MeanUs { get; private set; }

    /// <summary>Whether enough was measured to trust the mean.</summary>
    public bool IsKnown => _measured >= KnownAfter;

    /// <param name="runUs">What was measured.</param>
    /// <param name="isFirst">The first run in its container is compiled just in time and may take a thousand times as long as the next: it counts only while there is nothing better.</param>
    public void Add(long runUs, bool isFirst)
    {
        // The clock of a container may say zero for very short inputs; known-and-short must differ from unknown.
        double measured = Math.Max(1, runUs);
        if (isFirst && _measured > 0)
        {
            return;
        }

        var replaces = AverageUs == 0 || (!isFirst && _measured == 0);
        _measured += isFirst ? 0 : 1;
        AverageUs = replaces ? measured : AverageUs + (Weight * (measured - AverageUs));
        MeanUs = replaces ? measured : MeanUs + ((Math.Min(measured, MeanUs * MostOfMean) - MeanUs) / Math.Clamp(_measured, 2, MeanOver));
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
