namespace Modal.Backend.ControlPlane.Schedules;

/// <param name="Cron">Five fields, or a macro such as "@daily"; empty with a period.</param>
/// <param name="PeriodMs">Between fires, from one second to 366 days; zero with a cron expression.</param>
/// <param name="TimeZone">Of the IANA database, in which the cron expression is meant; a period does not look at it.</param>
/// <param name="SkipsMissed">Fires that are more than a minute late are left out; false makes one of all that were missed.</param>
/// <param name="SkipsOverlap">A fire is left out while the call of an earlier one is not finished.</param>
internal sealed record ScheduleRule(string Cron, long PeriodMs, string TimeZone = "UTC", bool SkipsMissed = false, bool SkipsOverlap = false);

/// <param name="FireMs">The fire to make a call of, Unix time; null for none.</param>
/// <param name="LastMs">The fire that is decided on by this; what it was if none was due.</param>
/// <param name="NextMs">When to look again; null for never.</param>
internal sealed record ScheduleStep(long? FireMs, long LastMs, long? NextMs);
