using Modal.Backend.ImageFs.Supervising;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Supervising;

public sealed class RestartDelayTests
{
    [Fact]
    public void Next_ServersThatDieAtOnce_WaitsLongerUpToFiveSecondsUntilOneWorks()
    {
        var delay = new RestartDelay();

        var waits = Enumerable.Range(0, 40).Select(_ => delay.Next(TimeSpan.FromMilliseconds(10)).TotalMilliseconds).ToArray();
        var afterGood = delay.Next(TimeSpan.FromSeconds(1));

        Assert.Equal([0, 0, 50, 100, 200, 400], waits[..6]);
        Assert.All(waits[10..], wait => Assert.Equal(5000, wait));
        Assert.Equal(TimeSpan.Zero, afterGood);
    }
}
