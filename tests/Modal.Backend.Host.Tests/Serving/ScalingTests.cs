using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Scaling changed while a function runs.</summary>
public sealed class ScalingTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task UpdateAutoscaler_MoreContainers_StartAtOnceAndStayWhenTheClientSaysItsFunctionAgain()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);

        var effective = await client.UpdateAutoscalerAsync(new ScalingSettings { MinContainers = 2, MaxContainers = 3 });

        Assert.Equal(new ScalingSettings { MinContainers = 2, MaxContainers = 3, BufferContainers = 0, ScaledownWindowMs = 60_000 }, effective);
        await worker.Messages.FirstAsync("StartContainer", m => m.Start);
        await worker.Messages.FirstAsync("a second StartContainer", m => m.Start);
        await client.AddFunctionAsync(client.Spec.Clone(), 1);
        await client.AppEvents.FirstAsync("FunctionsAdded", e => e.FunctionsAdded);
        Assert.Equal(2, (await client.UpdateAutoscalerAsync(new ScalingSettings())).MinContainers);

        var other = client.Spec.Clone();
        other.BufferContainers = 1;
        await client.AddFunctionAsync(other, 2);
        await client.AppEvents.FirstAsync("FunctionsAdded", e => e.FunctionsAdded);
        Assert.Equal(0, (await client.UpdateAutoscalerAsync(new ScalingSettings())).MinContainers);
    }

    [Fact]
    public async Task UpdateAutoscaler_OutOfRange_NamesEveryFault()
    {
        await using var client = await FakeClient.OpenAsync(server);

        var error = await Assert.ThrowsAsync<RpcException>(() => client.UpdateAutoscalerAsync(new ScalingSettings { MinContainers = -1, MaxContainers = 0, BufferContainers = 1_001, ScaledownWindowMs = 1_999 }));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.All(
            ["MinContainers is '-1'", "MaxContainers is '0'", "BufferContainers is '1001'", "ScaledownWindowSeconds is '1.999'"],
            fault => Assert.Contains(fault, error.Status.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task UpdateAutoscaler_MinimumAboveTheMaximum_ChangesNothing()
    {
        await using var client = await FakeClient.OpenAsync(server);

        var error = await Assert.ThrowsAsync<RpcException>(() => client.UpdateAutoscalerAsync(new ScalingSettings { MinContainers = 2 }));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal("MinContainers would be 2 and MaxContainers 1: MinContainers must be at most MaxContainers. Change both at once.", error.Status.Detail);
        Assert.Equal(0, (await client.UpdateAutoscalerAsync(new ScalingSettings())).MinContainers);
    }

    [Fact]
    public async Task UpdateAutoscaler_UnknownFunction_IsNotFound()
    {
        await using var client = await FakeClient.OpenAsync(server);

        var error = await Assert.ThrowsAsync<RpcException>(() => client.UpdateAutoscalerAsync(new ScalingSettings { MinContainers = 1 }, Id.New(Id.Function)));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
    }
}
