using Modal.Backend.ControlPlane.Scaling;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Scaling;

public sealed class AutoscalerTests
{
    [Theory]
    [InlineData(0, 0, 1, 0, 10, 0)]
    [InlineData(0, 0, 1, 2, 10, 2)]
    [InlineData(1, 0, 1, 0, 10, 1)]
    [InlineData(5, 0, 1, 0, 10, 5)]
    [InlineData(100, 0, 1, 0, 10, 10)]
    [InlineData(100, 0, 20, 0, 10, 5)]
    [InlineData(10_000, 10, 1, 0, 10, 1)]
    [InlineData(10_000, 1_000_000, 1, 0, 10, 10)]
    [InlineData(3, 1_000_000, 1, 0, 10, 3)]
    public void Desired_Backlog_GivesEnoughToDrainItInASecond(long backlog, double serviceUs, int concurrency, int min, int max, int expected) =>
        Assert.Equal(expected, Autoscaler.Desired(backlog, serviceUs, concurrency, min, max));

    [Fact]
    public void Desired_Anything_StaysBetweenTheBounds()
    {
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            var max = random.Next(1, 100);
            var min = random.Next(0, max + 1);

            Assert.InRange(Autoscaler.Desired(random.NextInt64(-1, long.MaxValue / 2_000_000), random.NextDouble() * 1e12, random.Next(1, 1000), min, max), min, max);
        }
    }
}
