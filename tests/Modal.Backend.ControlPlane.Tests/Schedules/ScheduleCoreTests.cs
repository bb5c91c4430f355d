using System.Globalization;
using Modal.Backend.ControlPlane.Schedules;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Schedules;

public sealed class ScheduleCoreTests
{
    private static readonly ScheduleRule s_nine = new("0 9 * * *", 0, "Europe/Berlin");
    private static readonly ScheduleRule s_halfPastTwo = new("30 2 * * *", 0, "Europe/Berlin");

    [Theory]
    [InlineData("2026-01-10T12:00Z", "2026-01-11T08:00Z")]
    [InlineData("2026-03-28T12:00Z", "2026-03-29T07:00Z")]
    [InlineData("2026-10-24T12:00Z", "2026-10-25T08:00Z")]
    public void Next_NineInBerlin_IsNineThereInSummerAndWinter(string after, string next) => Assert.Equal(Ms(next), ScheduleCore.Next(s_nine, Ms(after)));

    [Fact]
    public void Next_TimeThatIsLeftOutInSpring_FiresOnceWhenTheGapEnds()
    {
        Assert.Equal(Ms("2026-03-29T01:00Z"), ScheduleCore.Next(s_halfPastTwo, Ms("2026-03-28T12:00Z")));
        Assert.Equal(Ms("2026-03-30T00:30Z"), ScheduleCore.Next(s_halfPastTwo, Ms("2026-03-29T01:00Z")));
    }

    [Fact]
    public void Next_TimeThatComesTwiceInAutumn_FiresTheFirstTimeOnly()
    {
        Assert.Equal(Ms("2026-10-25T00:30Z"), ScheduleCore.Next(s_halfPastTwo, Ms("2026-10-24T12:00Z")));
        Assert.Equal(Ms("2026-10-26T01:30Z"), ScheduleCore.Next(s_halfPastTwo, Ms("2026-10-25T00:30Z")));
    }

    [Fact]
    public void Step_NotDue_OnlySaysWhenItIs() =>
        Assert.Equal(new ScheduleStep(null, Ms("2026-01-10T08:00Z"), Ms("2026-01-11T08:00Z")), ScheduleCore.Step(s_nine, Ms("2026-01-10T08:00Z"), Ms("2026-01-11T07:59Z"), isRunning: false));

    [Fact]
    public void Step_ThreeMissed_FiresOnceForAllAndGoesOn() =>
        Assert.Equal(
            new ScheduleStep(Ms("2026-01-13T08:00Z"), Ms("2026-01-13T08:00Z"), Ms("2026-01-14T08:00Z")),
            ScheduleCore.Step(s_nine, Ms("2026-01-10T08:00Z"), Ms("2026-01-13T20:00Z"), isRunning: false));

    [Theory]
    [InlineData("2026-01-13T08:01Z", true)]
    [InlineData("2026-01-13T08:02Z", false)]
    public void Step_SkipsMissed_FiresUpToAMinuteLate(string now, bool fires)
    {
        var step = ScheduleCore.Step(s_nine with { SkipsMissed = true }, Ms("2026-01-10T08:00Z"), Ms(now), isRunning: false);

        Assert.Equal((fires ? Ms("2026-01-13T08:00Z") : null, Ms("2026-01-13T08:00Z")), (step.FireMs, step.LastMs));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Step_EarlierCallRuns_FiresUnlessItSkipsOverlap(bool skips, bool fires) =>
        Assert.Equal(fires, ScheduleCore.Step(s_nine with { SkipsOverlap = skips }, Ms("2026-01-10T08:00Z"), Ms("2026-01-11T08:00Z"), isRunning: true).FireMs is not null);

    [Fact]
    public void Step_Period_KeepsItsPaceAfterDowntime() =>
        Assert.Equal(new ScheduleStep(40_000, 40_000, 50_000), ScheduleCore.Step(new ScheduleRule("", 10_000), 10_000, 47_000, isRunning: false));

    [Theory]
    [InlineData("", 0, "UTC", "a schedule has either a cron expression or a period")]
    [InlineData("@daily", 5_000, "UTC", "a schedule has either a cron expression or a period")]
    [InlineData("", 999, "UTC", "the period is 999 ms and must be from 1 second to 366 days")]
    [InlineData("@daily", 0, "Europe/Nowhere", "there is no time zone 'Europe/Nowhere'")]
    [InlineData("0 25 * * *", 0, "UTC", "the cron expression '0 25 * * *' is not valid: ")]
    public void FaultOf_Wrong_SaysWhatIs(string cron, long periodMs, string zone, string fault) =>
        Assert.StartsWith(fault, ScheduleCore.FaultOf(new ScheduleRule(cron, periodMs, zone)), StringComparison.Ordinal);

    [Fact]
    public void FaultOf_Right_IsNull() => Assert.All([s_nine, new ScheduleRule("", 1_000), new ScheduleRule("@daily", 0)], r => Assert.Null(ScheduleCore.FaultOf(r)));

    private static long Ms(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
}
