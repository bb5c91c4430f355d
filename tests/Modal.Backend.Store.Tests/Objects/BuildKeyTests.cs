using System.Globalization;
using Modal.Backend.Store.Objects;
using Xunit;

namespace Modal.Backend.Store.Tests.Objects;

public sealed class BuildKeyTests
{
    [Theory]
    [InlineData("2026-03-10T12:00Z", "build/k.2026-03", "build/k.2026-02")]
    [InlineData("2026-01-01T00:00Z", "build/k.2026-01", "build/k.2025-12")]
    [InlineData("2026-12-31T22:59Z", "build/k.2026-12", "build/k.2026-11")]
    [InlineData("2026-12-31T23:00Z", "build/k.2026-12", "build/k.2027-01", "build/k.2026-11")]
    public void Readable_AtATime_IsThisMonthAndTheLastAndTheOneThatAFastClockHas(string now, params string[] keys) =>
        Assert.Equal(keys, BuildKey.Readable("k", At(now)).Select(static k => k.ToString()));

    [Theory]
    [InlineData("build/im-1.2026-03", true)]
    [InlineData("build/im-1.2026-02", true)]
    [InlineData("build/im-1.2026-01", false)]
    [InlineData("build/im-1.2027-01", true)]
    [InlineData("build/a.b.2026-03", true)]
    public void TryParse_ARecordsKey_GivesItBackAndWhetherItLives(string key, bool isLive)
    {
        var parsed = BuildKey.TryParse(key);

        Assert.Equal(key, parsed.ToString());
        Assert.Equal(isLive, parsed!.Value.IsLive(At("2026-03-01T00:00Z")));
    }

    [Theory]
    [InlineData("build/im-1")]
    [InlineData("build/im-1.2026-13")]
    [InlineData("build/im-1.x")]
    [InlineData("index/im-1.2026-03")]
    public void TryParse_OtherKeys_AreNone(string key) => Assert.Null(BuildKey.TryParse(key));

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
