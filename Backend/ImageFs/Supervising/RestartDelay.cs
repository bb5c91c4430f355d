namespace Modal.Backend.ImageFs.Supervising;

/// <summary>How long to wait before the next server is started: not at all after one that worked for a while, longer and longer after those that do not.</summary>
internal sealed class RestartDelay
{
    // A server that dies of what it takes over does so at once, since the kernel sends it again.
    private static readonly TimeSpan s_goodLife = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    private int _failures;

    /// <param name="life">How long the last one lived after it had taken all connections over; zero if it did not come so far.</param>
    public TimeSpan Next(TimeSpan life)
    {
        _failures = life >= s_goodLife ? 0 : _failures + 1;

        // The first two follow at once: readers wait meanwhile.
        return _failures < 3 ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Min(s_longest.Ticks, s_first.Ticks << Math.Min(_failures - 3, 20)));
    }
}
