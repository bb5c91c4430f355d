using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Functions;

[Collection("client")]
public sealed class UpdateAutoscalerTests
{
    private static readonly IntFunction s_square = new();
    private static readonly CountFunction s_count = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task UpdateAutoscalerAsync_SomeSettings_SendsThoseAndGivesAllInForce()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var effective = await s_square.UpdateAutoscalerAsync(new AutoscalerSettings { MinContainers = 2, ScaledownWindowSeconds = 7.5 }, Limit);

        Assert.Equal(new AutoscalerSettings { MinContainers = 2, MaxContainers = 10, BufferContainers = 0, ScaledownWindowSeconds = 7.5 }, effective);
        var request = Assert.Single(client.Server.ScalingUpdates);
        Assert.Equal(client.App.Id, request.AppId);
        Assert.Equal(Assert.Single(client.Server.Functions).FunctionId, request.FunctionId);
        Assert.False(request.Settings.HasMaxContainers || request.Settings.HasBufferContainers);
    }

    [Fact]
    public async Task UpdateAutoscalerAsync_StreamingFunction_Works()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        Assert.Equal(3, (await s_count.UpdateAutoscalerAsync(new AutoscalerSettings { BufferContainers = 3 }, Limit)).BufferContainers);
    }

    [Fact]
    public async Task UpdateAutoscalerAsync_Refused_SaysWhatTheServerSaid()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => s_square.UpdateAutoscalerAsync(new AutoscalerSettings { MinContainers = 11 }, Limit));

        Assert.Equal("MinContainers must be at most MaxContainers.", error.Message);
    }

    [Fact]
    public async Task UpdateAutoscalerAsync_MethodOfAService_PointsToTheInstance()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        await using var counter = new CounterService();

        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => counter.Next.UpdateAutoscalerAsync(new AutoscalerSettings { MinContainers = 1 }, Limit));
        Assert.Contains("on the instance", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await counter.UpdateAutoscalerAsync(new AutoscalerSettings { MinContainers = 1 }, Limit)).MinContainers);

        Assert.True(Assert.Single(client.Server.Functions).IsService);
    }
}
