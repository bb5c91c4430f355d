using Grpc.Core;
using Modal.Protocol;
using Modal.Runtime;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Apps;

/// <summary>Calls from code that runs in a container.</summary>
[Collection("client")]
public sealed class ContainerTests
{
    private static readonly IntFunction s_square = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CallAsync_InAContainer_GoesToItsAppAndOpensNone()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        var app = ContainerContext.Current!.AppId;

        Assert.Equal(49, await s_square.CallAsync(7, Limit));

        var stream = Assert.Single(container.Server.Streams);
        Assert.Equal((app, Id.Derive(Id.Function, app, "Test.Square")), (stream.AppId, stream.FunctionId));
        Assert.Equal(app, Assert.Single(container.Server.AskedApps));
        Assert.Empty(container.Server.OpenedApps);
        Assert.Empty(container.Server.Functions);
        Assert.Empty(container.Server.Blobs);
    }

    [Fact]
    public async Task CallAsync_InAContainer_ManyShareAConnectionAndAskOnce()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        await s_square.CallAsync(1, Limit);
        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => s_square.CallAsync(i, Limit)));

        Assert.Equal(Enumerable.Range(0, 100).Select(i => i * i), results);
        Assert.Equal(1, container.Connections);
        Assert.Single(container.Server.AskedApps);
    }

    [Fact]
    public async Task CallAsync_FunctionThatTheAppLacks_AddsIt()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square, KnowsFunctions = false });

        Assert.Equal(49, await s_square.CallAsync(7, Limit));

        var added = Assert.Single(container.Server.Functions);
        Assert.Equal(("Test.Square", true), (added.Name, added.NeedsAspnetcore));
        Assert.Equal(Id.Derive(Id.Function, ContainerContext.Current!.AppId, "Test.Square"), added.FunctionId);
    }

    [Fact]
    public async Task CallAsync_StreamBreaks_IsSentAgain()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square, BreakAfterInputs = 1 });

        var results = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => s_square.CallAsync(i, Limit)));

        Assert.Equal([0, 1, 4], results);
        Assert.Empty(container.Server.OpenedApps);
    }

    [Fact]
    public async Task CallAsync_ConnectionsFailAtFirst_AreOpenedAgain()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        container.FailingConnections = 2;

        Assert.Equal(49, await s_square.CallAsync(7, Limit));
    }

    [Fact]
    public async Task CallAsync_NoConnection_ThrowsInTheEnd()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        container.FailingConnections = int.MaxValue;

        await Assert.ThrowsAsync<ServerUnavailableException>(() => App.RunAsync(cancellationToken: Limit));
        await Assert.ThrowsAsync<ServerUnavailableException>(() => s_square.CallAsync(7, Limit));
    }

    [Fact]
    public async Task CallAsync_RestrictModalAccess_ThrowsAndAsksNobody()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square }, isRestricted: true);

        var error = await Assert.ThrowsAsync<AccessDeniedException>(() => s_square.CallAsync(7, Limit));

        Assert.Equal("'Test.Outer' may not call remote functions: it has RestrictModalAccess = true. Call the method itself, or its Local, or take the restriction away.", error.Message);
        Assert.Equal(0, container.Connections);
    }

    [Fact]
    public async Task CallAsync_ServerDenies_ThrowsWhatItSays()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square, Refusal = new Status(StatusCode.PermissionDenied, "not you") });

        Assert.Equal("not you", (await Assert.ThrowsAsync<AccessDeniedException>(() => s_square.CallAsync(7, Limit))).Message);
    }

    [Fact]
    public async Task CallAsync_InACopyFromASnapshot_GoesToTheCopysApp()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        await s_square.CallAsync(1, Limit);

        var copy = container.BeginContainer();
        await s_square.CallAsync(2, Limit);

        Assert.Equal(copy.AppId, container.Server.Streams.Last().AppId);
        Assert.Equal(2, container.Server.Streams.Select(static s => s.StreamId).Distinct().Count());
        Assert.Equal(2, container.Connections);
    }

    [Fact]
    public async Task RunAsync_InAContainer_IsItsAppAndDisposingLeavesIt()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var app = await App.RunAsync("another", Limit);
        await app.DisposeAsync();

        Assert.Equal((ContainerContext.Current!.AppId, "fake"), (app.Id, app.Sandbox));
        Assert.Equal(49, await s_square.CallAsync(7, Limit));
        Assert.Equal(0, container.Server.ClosedApps);
    }

    [Fact]
    public async Task UpdateAutoscalerAsync_InAContainer_NamesItsApp()
    {
        await using var container = await ContainerHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        await s_square.UpdateAutoscalerAsync(new AutoscalerSettings { MaxContainers = 4 }, Limit);

        Assert.Equal(ContainerContext.Current!.AppId, Assert.Single(container.Server.ScalingUpdates).AppId);
    }
}
