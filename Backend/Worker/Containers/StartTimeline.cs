using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>Measures the phases of a start. Each begins where the one before ended, so their sum is the total.</summary>
internal sealed class StartTimeline(TimeProvider time)
{
    private readonly List<StartPhase> _phases = [];
    private long _last = time.GetTimestamp();

    /// <summary>Phases so far.</summary>
    public IReadOnlyList<StartPhase> Phases => _phases;

    /// <summary>Ends the phase that has been going on.</summary>
    public void End(string phase) => End(phase, time.GetTimestamp());

    /// <summary>Splits what has been going on into phases whose lengths another clock measured; the last takes what is left.</summary>
    public void End(string first, TimeSpan firstLength, string second)
    {
        var now = time.GetTimestamp();
        var split = Math.Min(_last + (long)(firstLength.TotalSeconds * time.TimestampFrequency), now);
        End(first, split);
        End(second, now);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", _phases.Select(p => FormattableString.Invariant($"{p.Name} {p.DurationUs / 1000.0:f1} ms")));

    private void End(string phase, long at)
    {
        var lengthUs = (long)time.GetElapsedTime(_last, at).TotalMicroseconds;
        if (_phases.Find(p => p.Name == phase) is { } begun)
        {
            // It went on after another.
            begun.DurationUs += lengthUs;
        }
        else
        {
            _phases.Add(new StartPhase { Name = phase, DurationUs = lengthUs });
        }

        _last = at;
    }
}
