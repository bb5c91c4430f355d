using Modal.Backend.ControlPlane.Functions;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class ServiceTimeTests
{
    [Fact]
    public void Add_FirstRunOfAContainer_CountsOnlyWhileThereIsNothingBetter()
    {
        var time = new ServiceTime();

        time.Add(30_000, isFirst: true);
        Assert.Equal((30_000.0, 30_000.0), (time.AverageUs, time.MeanUs));
        time.Add(20, isFirst: false);
        Assert.Equal((20.0, 20.0), (time.AverageUs, time.MeanUs));
        time.Add(30_000, isFirst: true);

        Assert.Equal((20.0, 20.0), (time.AverageUs, time.MeanUs));
    }

    [Fact]
    public void IsKnown_AfterEightRuns_IsTrue()
    {
        var time = new ServiceTime();
        for (var i = 0; i < 8; i++)
        {
            Assert.False(time.IsKnown);
            time.Add(10, isFirst: false);
        }

        Assert.True(time.IsKnown);
    }

    [Fact]
    public void Add_OneOutlier_MovesTheMeanLittleAndASteadyChangeArrives()
    {
        var time = new ServiceTime();
        for (var i = 0; i < 100; i++)
        {
            time.Add(20, isFirst: false);
        }

        time.Add(64_000, isFirst: false);
        Assert.InRange(time.MeanUs, 20, 23);
        for (var i = 0; i < 400; i++)
        {
            time.Add(5_000, isFirst: false);
        }

        Assert.InRange(time.MeanUs, 4_900, 5_100);
        Assert.Equal(1, time.Credit(1));
    }

    [Theory]
    [InlineData(0, 4, 4)]
    [InlineData(1, 4, 256)]
    [InlineData(1_000, 1, 5)]
    [InlineData(1_000_000, 3, 3)]
    public void Credit_ServiceTime_CoversTheWayToTheServer(long runUs, int concurrency, int expected)
    {
        var time = new ServiceTime();
        if (runUs > 0)
        {
            time.Add(runUs, isFirst: false);
        }

        Assert.Equal(expected, time.Credit(concurrency));
    }
}
