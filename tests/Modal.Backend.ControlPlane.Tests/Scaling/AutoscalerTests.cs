using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Scaling;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Scaling;

public sealed class AutoscalerTests
{
    [Theory]
    [InlineData(0, 0, 1, 0, 10, 0)]
    [InlineData(0, 0, 1, 2, 10, 2)]
    [InlineData(1, 1_000, 1, 0, 10, 1)]
    [InlineData(100, 1_000_000, 20, 0, 10, 5)]
    [InlineData(10_000, 10, 1, 0, 10, 1)]
    [InlineData(10_000, 1_000_000, 1, 0, 10, 10)]
    [InlineData(3, 1_000_000, 1, 0, 10, 3)]
    [InlineData(20, 100_000, 1, 0, 10, 2)]
    public void Desired_KnownServiceTime_GivesEnoughToDrainTheBacklogInASecond(int queued, double serviceUs, int concurrency, int min, int max, int expected)
    {
        var settings = new FunctionSettings { Concurrency = concurrency, MinContainers = min, MaxContainers = max };

        Assert.Equal(expected, new Autoscaler().Desired(settings, new ScalingLoad { Queued = queued, ServiceUs = serviceUs, IsServiceKnown = true }, 0));
    }

    [Fact]
    public void Desired_Anything_StaysBetweenTheBounds()
    {
        var random = new Random(1);
        var scaler = new Autoscaler();
        var now = 0L;
        for (var i = 0; i < 10_000; i++)
        {
            now += random.Next(0, 2_000);
            var max = random.Next(1, 100);
            var settings = new FunctionSettings
            {
                Concurrency = random.Next(1, 1000),
                TargetConcurrency = random.Next(0, 1000),
                MinContainers = random.Next(0, max + 1),
                MaxContainers = max,
                BufferContainers = random.Next(0, 5),
                IsSingleUse = random.Next(4) == 0,
            };
            var load = new ScalingLoad
            {
                Queued = random.Next(4) == 0 ? int.MaxValue / 2 : random.Next(100),
                Running = random.Next(100),
                ServiceUs = random.NextDouble() * 1e12,
                IsServiceKnown = random.Next(2) == 0,
                WaitingSinceMs = now - random.Next(100_000),
                BusySinceMs = now - random.Next(100_000),
                ProgressMs = now - random.Next(100_000),
            };
            scaler.OnArrivals(random.Next(1_000_000), now);
            scaler.Observe(settings, load, now);
            var desired = scaler.Desired(settings, load, now);

            Assert.InRange(desired, settings.MinContainers, max);
            Assert.InRange(scaler.Kept(settings, load, now), desired, max);
        }
    }

    [Fact]
    public void Map_TenInputsOfMicroseconds_StartOneContainer()
    {
        var trace = new ScalingTrace(new FunctionSettings(), static _ => 0.01);

        trace.Map(0, 10);
        trace.RunUntil(5_000);

        Assert.Single(trace.Requests);
        Assert.Equal(10, trace.Results.Count);
    }

    [Fact]
    public void Map_TenSlowInputs_GetTheirTenContainersQuickly()
    {
        var trace = new ScalingTrace(new FunctionSettings(), static _ => 10_000);

        trace.Map(0, 10);
        trace.RunUntil(60_000);

        Assert.Equal(10, trace.Requests.Count);
        Assert.InRange(trace.Requests[^1], 0, 600);
        Assert.InRange(trace.Results[^1].At, 10_300, 10_300 + 600);
    }

    [Fact]
    public void Map_SlowInputsAfterFastOnes_GetTheirContainersWithinASecondOrTwo()
    {
        var trace = new ScalingTrace(new FunctionSettings(), static a => a.Input.Call == 1 ? 0.02 : 10_000);

        trace.Map(0, 1_000);
        trace.Map(5_000, 10);
        trace.RunUntil(60_000);

        Assert.InRange(trace.Requests[^1], 5_000, 7_000);
        Assert.Equal(10, trace.Requests.Count);
    }

    [Fact]
    public void Map_OneOfThousandsIsHeldUp_StartsNoContainersForIt()
    {
        var trace = new ScalingTrace(new FunctionSettings(), static a => a.Input.Index % 1_000 == 500 ? 60 : 0.02);

        trace.Map(0, 10_000);
        trace.RunUntil(60_000);

        Assert.Equal(10_000, trace.Results.Count);
        Assert.InRange(trace.Requests.Count, 1, 2);
    }

    [Fact]
    public void Map_StartTakesLong_DoesNotWaitForTheFirstContainer()
    {
        var trace = new ScalingTrace(new FunctionSettings(), static _ => 5_000, startMs: 20_000);

        trace.Map(0, 10);
        trace.RunUntil(19_000);

        Assert.Equal(10, trace.Requests.Count);
    }

    [Fact]
    public void Bursts_WithinTheWindow_StartEachContainerOnce()
    {
        var trace = new ScalingTrace(new FunctionSettings { MaxContainers = 20 }, static _ => 200);
        for (var burst = 0; burst < 40; burst++)
        {
            trace.Map(burst * 7_000, 30 + (burst * 13 % 21));
        }

        trace.RunUntil(40 * 7_000);

        // 50 inputs of 0.2 s in a second: 10 containers.
        Assert.InRange(trace.Requests.Count, 8, 12);
        Assert.Equal(0, trace.Stops);
        Assert.InRange(trace.Results.Skip(100).Max(r => r.Latency), 200, 1_800);
    }

    [Fact]
    public void SteadyArrivals_NearTheMinimum_NoFlapping()
    {
        var random = new Random(1);
        var trace = new ScalingTrace(new FunctionSettings { MaxContainers = 100 }, static _ => 500);
        var sent = 0;
        for (var time = 0.0; time < 120_000; time += -Math.Log(1 - random.NextDouble()) * 50)
        {
            trace.Map((long)time, 1);
            sent++;
        }

        trace.RunUntil(200_000);

        // 20 a second, half a second each: 10 run on average, and chance makes it up to twice that.
        Assert.Equal(sent, trace.Results.Count);
        Assert.InRange(trace.Requests.Count, 10, 30);
        var settled = trace.Results.Where(r => r.At > 10_000).Select(r => r.Latency).Order().ToList();
        Assert.InRange(settled[settled.Count / 2], 500, 600);
        Assert.InRange(settled[(int)(settled.Count * 0.99)], 500, 1_500);
        Assert.Empty(trace.Core.Containers);
    }

    [Fact]
    public void BufferContainers_AsManyAsTheMaximum_GoAfterTheWindow()
    {
        var trace = new ScalingTrace(new FunctionSettings { BufferContainers = 1, MaxContainers = 1, ScaledownWindowMs = 10_000 }, static _ => 1_000);

        trace.Map(0, 1);
        trace.RunUntil(60_000);

        Assert.Empty(trace.Core.Containers);
    }

    [Fact]
    public void BufferContainers_InUse_AreKeptBesideTheBusyOnesAndGoAfterTheWindow()
    {
        var trace = new ScalingTrace(new FunctionSettings { BufferContainers = 2, ScaledownWindowMs = 10_000 }, static _ => 1_000);

        trace.Map(0, 1);
        trace.RunUntil(1_000);
        Assert.Equal(3, trace.Core.Containers.Count);
        trace.RunUntil(11_000);
        Assert.Equal(3, trace.Core.Containers.Count);
        trace.RunUntil(14_000);

        Assert.Empty(trace.Core.Containers);
    }

    [Fact]
    public void SingleUse_Inputs_EachGetAContainerOfTheirOwnWithOneStartedAhead()
    {
        var trace = new ScalingTrace(new FunctionSettings { IsSingleUse = true, MaxContainers = 3 }, static _ => 1_000);

        trace.Map(0, 12);
        trace.RunUntil(120_000, () => Assert.InRange(trace.Core.Containers.Count, 0, 3));

        Assert.Equal(12, trace.Results.Count);
        Assert.Equal(12, trace.Requests.Count);
    }

    [Fact]
    public void TargetConcurrentInputs_Dispatch_FillsAllToTheTargetBeforeOneToItsMaximum()
    {
        var trace = new ScalingTrace(new FunctionSettings { Concurrency = 10, TargetConcurrency = 2, MinContainers = 3, MaxContainers = 3 }, static _ => 1_000);
        trace.Core.Wake(0);
        trace.RunUntil(1_000);

        trace.Map(2_000, 6);
        trace.RunUntil(2_000);
        Assert.Equal([2, 2, 2], trace.Core.Containers.Select(c => c.Inputs.Count));
        trace.Map(2_001, 24);
        trace.RunUntil(2_001);

        Assert.Equal([10, 10, 10], trace.Core.Containers.Select(c => c.Inputs.Count));
    }

    [Fact]
    public void Configure_OtherBounds_TakeEffectAtOnce()
    {
        var settings = new FunctionSettings { MinContainers = 4, MaxContainers = 4 };
        var trace = new ScalingTrace(settings, static _ => 1_000);
        trace.Core.Wake(0);
        trace.RunUntil(1_000);
        Assert.Equal(4, trace.Core.ReadyContainers);

        trace.Core.Configure(settings with { MinContainers = 1, MaxContainers = 1 }, 1_000);
        trace.RunUntil(2_000);
        Assert.Single(trace.Core.Containers);
        trace.Core.Configure(settings with { MinContainers = 3, MaxContainers = 5 }, 2_000);
        trace.RunUntil(3_000);

        Assert.Equal(3, trace.Core.ReadyContainers);
    }

    [Fact]
    public void MinContainers_StartsFailAndNobodyWaits_BacksOffToHalfAMinute()
    {
        var trace = new ScalingTrace(new FunctionSettings { MinContainers = 1 }, static _ => 1_000) { StartFailure = new Failure { Kind = FailureKind.Startup, Message = "no disk" } };
        trace.Core.Wake(0);

        trace.RunUntil(600_000);

        Assert.InRange(trace.Requests.Count, 20, 30);
        Assert.InRange(trace.Requests[^1] - trace.Requests[^2], 30_000, 30_500);
    }
}
