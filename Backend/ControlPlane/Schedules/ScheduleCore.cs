using Cronos;

namespace Modal.Backend.ControlPlane.Schedules;

/// <summary>When a schedule fires. Pure: for any thread.</summary>
internal static class ScheduleCore
{
    // A server that is a little late, because it was busy or was restarted, has missed nothing.
    private const long LateMs = 60_000;

    // Cron expressions can only be walked forward: the last fire is looked for in the shortest of these before all of a long time is walked.
    private static readonly long[] s_windowsMs = [60_000, 3_600_000, 86_400_000, 32L * 86_400_000, 367L * 86_400_000];

    /// <summary>Why it cannot be; null if it can.</summary>
    public static string? FaultOf(ScheduleRule rule)
    {
        if (rule.Cron.Length > 0 == (rule.PeriodMs != 0))
        {
            return "a schedule has either a cron expression or a period";
        }

        if (rule.PeriodMs is not 0 and (< 1_000 or > 366L * 86_400_000))
        {
            return $"the period is {rule.PeriodMs} ms and must be from 1 second to 366 days";
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(rule.TimeZone, out _))
        {
            return $"there is no time zone '{rule.TimeZone}': give one of the IANA database, such as 'Europe/Berlin'";
        }

        try
        {
            _ = rule.Cron.Length > 0 ? CronExpression.Parse(rule.Cron) : null;
            return null;
        }
        catch (CronFormatException e)
        {
            return $"the cron expression '{rule.Cron}' is not valid: {e.Message}";
        }
    }

    /// <summary>The first fire after a time, in Unix milliseconds; null if there is none any more. A period counts from that time, so it is to be that of a fire, or when the schedule was made.</summary>
    public static long? Next(ScheduleRule rule, long afterMs) =>
        rule.Cron.Length == 0
            ? afterMs + rule.PeriodMs
            : CronExpression.Parse(rule.Cron).GetNextOccurrence(DateTimeOffset.FromUnixTimeMilliseconds(afterMs), TimeZoneInfo.FindSystemTimeZoneById(rule.TimeZone))?.ToUnixTimeMilliseconds();

    /// <summary>What is to be done now.</summary>
    /// <param name="rule">One without faults.</param>
    /// <param name="lastMs">The fire that was decided on last, or when the schedule was made.</param>
    /// <param name="nowMs">Not before it.</param>
    /// <param name="isRunning">Whether the call of an earlier fire is not finished.</param>
    public static ScheduleStep Step(ScheduleRule rule, long lastMs, long nowMs, bool isRunning)
    {
        if (Latest(rule, lastMs, nowMs) is not { } fireMs)
        {
            return new ScheduleStep(null, lastMs, Next(rule, lastMs));
        }

        var isMissed = nowMs - fireMs > LateMs;
        var isSkipped = (isMissed && rule.SkipsMissed) || (isRunning && rule.SkipsOverlap);
        return new ScheduleStep(isSkipped ? null : fireMs, fireMs, Next(rule, fireMs));
    }

    // The last fire after one time and not after another. All before it that were not decided on are one with it.
    private static long? Latest(ScheduleRule rule, long afterMs, long nowMs)
    {
        if (rule.Cron.Length == 0)
        {
            var periods = (nowMs - afterMs) / rule.PeriodMs;
            return periods > 0 ? afterMs + (periods * rule.PeriodMs) : null;
        }

        foreach (var fromMs in s_windowsMs.Select(w => nowMs - w).Where(f => f > afterMs).Append(afterMs))
        {
            long? latest = null;
            for (var next = Next(rule, fromMs); next <= nowMs; next = Next(rule, next.Value))
            {
                latest = next;
            }

            if (latest is not null)
            {
                return latest;
            }
        }

        return null;
    }
}
