using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Backend.Host.Tests.Harness;
using Modal.Backend.Store.Peers;
using Modal.Protocol;
using Modal.Runtime;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>What a connection may ask for that a worker made for one of its containers.</summary>
public sealed class ContainerTests(TestServer server) : IClassFixture<TestServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_FromAContainer_OfItsOwnApp_GivesTheResult()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);

        await using var calls = new FakeCalls(new ModalClient.ModalClientClient(channel), Id.New(Id.Call));
        await calls.OpenAsync(client.AppId, client.FunctionId, 0);
        await calls.PutAsync(1, start: 5);

        Assert.Equal(25, FakeWorker.ValueOf(Assert.Single(await calls.ResultsAsync(1)).Value));
    }

    [Fact]
    public async Task Call_FromAContainer_OfAnotherApp_IsDenied()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await using var other = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);
        var asking = new ModalClient.ModalClientClient(channel);

        using var call = asking.Call(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new CallRequest { Open = new OpenStream { AppId = other.AppId, FunctionId = other.FunctionId, StreamId = Id.New(Id.Call) } }, Token);

        await DeniedAsync(() => call.ResponseStream.MoveNext(Token), other.AppId);
        await DeniedAsync(() => asking.FindMissingFunctionsAsync(new FindMissingFunctionsRequest { AppId = other.AppId }, cancellationToken: Token).ResponseAsync, other.AppId);
        await DeniedAsync(() => asking.AddMissingFunctionsAsync(new AddMissingFunctionsRequest { AppId = other.AppId }, cancellationToken: Token).ResponseAsync, other.AppId);
        await DeniedAsync(
            () => asking.UpdateAutoscalerAsync(new UpdateAutoscalerRequest { AppId = other.AppId, FunctionId = other.FunctionId }, cancellationToken: Token).ResponseAsync, other.AppId);
    }

    [Fact]
    public async Task Ask_FromAContainer_WhatOnlyOthersMay_IsDenied()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);
        var asking = new ModalClient.ModalClientClient(channel);
        using var app = asking.RunApp(cancellationToken: Token);
        using var work = new ModalWorker.ModalWorkerClient(channel).Work(cancellationToken: Token);
        using var objects = new Objects.ObjectsClient(channel).List(new ListObjectsRequest { Kind = "blob" }, cancellationToken: Token);

        await DeniedAsync(() => asking.ShutdownAsync(new ShutdownRequest { Force = true }, cancellationToken: Token).ResponseAsync, "/modal.v1.ModalClient/Shutdown");
        await DeniedAsync(() => asking.GetStatusAsync(new StatusRequest(), cancellationToken: Token).ResponseAsync, "/modal.v1.ModalClient/GetStatus");
        await DeniedAsync(() => app.ResponseStream.MoveNext(Token), "/modal.v1.ModalClient/RunApp");
        await DeniedAsync(() => work.ResponseStream.MoveNext(Token), "/modal.v1.ModalWorker/Work");
        await DeniedAsync(() => objects.ResponseStream.MoveNext(Token), "/modal.v1.Objects/List");
    }

    [Fact]
    public async Task Ask_FromARestrictedContainer_IsDenied()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, static f => f.RestrictModalAccess = true);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);

        await DeniedAsync(() => new ModalClient.ModalClientClient(channel).HelloAsync(new HelloRequest(), cancellationToken: Token).ResponseAsync, "RestrictModalAccess is set");
    }

    [Fact]
    public async Task BuildImage_FromAContainerWithoutNetwork_IsDenied()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, static f => f.BlockNetwork = true);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);
        using var build = new Protocol.Images.ImagesClient(channel).Build(new BuildImageRequest { Image = new ImageSpec() }, cancellationToken: Token);

        await DeniedAsync(() => build.ResponseStream.MoveNext(Token), "BlockNetwork is set");
    }

    [Fact]
    public async Task Hello_FromAContainer_SaysNothingOfTheHost()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);

        var hello = await new ModalClient.ModalClientClient(channel).HelloAsync(new HelloRequest { ProtocolRevision = ProtocolRevision.Current }, cancellationToken: Token);

        Assert.Equal((ProtocolRevision.Current, "", 0, 0), (hello.ProtocolRevision, hello.Refusal, hello.Pid, hello.RunningApps));
    }

    [Fact]
    public async Task Connect_ContainerThatNoWorkerHas_IsClosed()
    {
        using var channel = Connect(Id.New(Id.Container));

        await Assert.ThrowsAsync<RpcException>(() => new ModalClient.ModalClientClient(channel).HelloAsync(new HelloRequest(), cancellationToken: Token).ResponseAsync);
    }

    [Theory]
    [InlineData("MODAL-CONTAINER nobody\n")]
    [InlineData("MODAL-CONTAINER ta-0123456789012345678901 and more, without an end, so that it is longer than any")]
    [InlineData("MODAL-CONTAINER ")]
    public async Task Connect_DamagedPreface_IsClosed(string preface)
    {
        await using var stream = await GrpcChannels.ConnectAsync($"unix://{server.Options.Socket}", Token);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(preface), Token);
        ((System.Net.Sockets.NetworkStream)stream).Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);

        Assert.Equal(0, await ReadToEndAsync(stream));
    }

    [Fact]
    public async Task Connect_PrefaceInPieces_IsAccepted()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container, inPieces: true);

        await DeniedAsync(() => new ModalClient.ModalClientClient(channel).ShutdownAsync(new ShutdownRequest(), cancellationToken: Token).ResponseAsync, "/modal.v1.ModalClient/Shutdown");
    }

    [Fact]
    public async Task Output_OfAnInputFromAContainer_GoesToTheAppsClientOnce()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, static w => w.OnDispatch = static dispatch =>
        [
            new WorkerMessage { Output = new Output { ContainerId = dispatch.ContainerId, Source = OutputSource.Stdout, Data = ByteString.CopyFromUtf8("inside"), Input = dispatch.Attempts[0].Input } },
            FakeWorker.SquareAll(dispatch),
        ]);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, outer) = await StartAsync(worker, client);
        using var channel = Connect(container);
        await using var calls = new FakeCalls(new ModalClient.ModalClientClient(channel), Id.New(Id.Call));
        await calls.OpenAsync(client.AppId, client.FunctionId, 0);

        await calls.PutAsync(1, start: 5);

        Assert.Equal("inside", (await client.AppEvents.FirstAsync("the output", static e => e.Output)).Data.ToStringUtf8());
        await calls.ResultsAsync(1);
        await outer.PutAsync(1, call: 2);
        await outer.ResultsAsync(2);
        Assert.DoesNotContain(calls.Seen, static e => e.Output is not null);
        Assert.Equal(2, outer.Seen.Count(static e => e.Output is not null));
    }

    [Fact]
    public async Task ContainerEnds_WhatItCalledIsCancelledAtOnce()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        var inner = client.Spec.Clone();
        (inner.FunctionId, inner.Name) = (Id.New(Id.Function), "Jobs.Inner");
        await client.AddFunctionAsync(inner, 1);
        await client.AppEvents.FirstAsync("FunctionsAdded", static e => e.FunctionsAdded);
        using var channel = Connect(container);
        await using var calls = new FakeCalls(new ModalClient.ModalClientClient(channel), Id.New(Id.Call));
        await calls.OpenAsync(client.AppId, inner.FunctionId, 0);
        worker.OnDispatch = static _ => [];
        await calls.PutAsync(1, start: 5);
        await worker.Messages.FirstAsync("the inner input", m => m.Dispatch is { } d && d.ContainerId != container ? d : null);

        await worker.SendAsync(new WorkerMessage { Exited = new ContainerExited { ContainerId = container, Reason = ExitReason.Lost } });

        await worker.Messages.FirstAsync("its cancellation", static m => m.Cancel);
    }

    [Fact]
    public async Task ContainerEnds_ItsConnectionIsClosed()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);
        var asking = new ModalClient.ModalClientClient(channel);
        using var call = asking.Call(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new CallRequest { Open = new OpenStream { AppId = client.AppId, FunctionId = client.FunctionId, StreamId = Id.New(Id.Call) } }, Token);
        await call.ResponseStream.MoveNext(Token);

        await worker.SendAsync(new WorkerMessage { Exited = new ContainerExited { ContainerId = container, Reason = ExitReason.Lost } });

        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(Token))
            {
            }

            await asking.HelloAsync(new HelloRequest(), cancellationToken: Token);
        });
    }

    [Fact]
    public async Task AddMissingFunctions_KnownOnesStayAndNewOnesCanBeCalled()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        var (container, _) = await StartAsync(worker, client);
        using var channel = Connect(container);
        var asking = new ModalClient.ModalClientClient(channel);
        var known = client.Spec.Clone();
        known.MaxContainers = 7;
        var added = client.Spec.Clone();
        (added.FunctionId, added.Name) = (Id.New(Id.Function), "Jobs.Added");
        var find = new FindMissingFunctionsRequest { AppId = client.AppId, FunctionIds = { known.FunctionId, added.FunctionId } };

        var before = await asking.FindMissingFunctionsAsync(find, cancellationToken: Token);
        await asking.AddMissingFunctionsAsync(new AddMissingFunctionsRequest { AppId = client.AppId, Functions = { known, added } }, cancellationToken: Token);
        var after = await asking.FindMissingFunctionsAsync(find, cancellationToken: Token);

        Assert.Equal([added.FunctionId], before.FunctionIds);
        Assert.Empty(after.FunctionIds);
        Assert.Equal(1, (await client.UpdateAutoscalerAsync(new ScalingSettings())).MaxContainers);
        await using var calls = new FakeCalls(asking, Id.New(Id.Call));
        await calls.OpenAsync(client.AppId, added.FunctionId, 0);
        await calls.PutAsync(1, start: 6);
        Assert.Equal(36, FakeWorker.ValueOf(Assert.Single(await calls.ResultsAsync(1)).Value));
    }

    [Fact]
    public async Task AddMissingFunctions_BadFunctionOrApp_IsRefused()
    {
        await using var client = await FakeClient.OpenAsync(server);
        var bad = client.Spec.Clone();
        bad.Retries = -1;
        var asking = server.Client();

        var invalid = await Assert.ThrowsAsync<RpcException>(
            () => asking.AddMissingFunctionsAsync(new AddMissingFunctionsRequest { AppId = client.AppId, Functions = { bad } }, cancellationToken: Token).ResponseAsync);
        var unknown = await Assert.ThrowsAsync<RpcException>(() => asking.FindMissingFunctionsAsync(new FindMissingFunctionsRequest { AppId = Id.New(Id.App) }, cancellationToken: Token).ResponseAsync);

        Assert.Equal(StatusCode.InvalidArgument, invalid.StatusCode);
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
    }

    // A container that the client's first input has started, and the client's calls.
    private static async Task<(string ContainerId, FakeCalls Calls)> StartAsync(FakeWorker worker, FakeClient client)
    {
        var calls = await client.CallAsync();
        await calls.PutAsync(1);
        await calls.ResultsAsync(1);
        return ((await worker.Messages.FirstAsync("StartContainer", static m => m.Start)).ContainerId, calls);
    }

    private GrpcChannel Connect(string containerId, bool inPieces = false) => GrpcChannels.Open(async token =>
    {
        var stream = await GrpcChannels.ConnectAsync($"unix://{server.Options.Socket}", token);
        foreach (var piece in ContainerPreface.Write(containerId).Chunk(inPieces ? 1 : ContainerPreface.MaxBytes))
        {
            await stream.WriteAsync(piece, token);
        }

        return stream;
    });

    private static async Task DeniedAsync(Func<Task> ask, string what)
    {
        var error = await Assert.ThrowsAsync<RpcException>(ask);
        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Contains(what, error.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<int> ReadToEndAsync(Stream stream)
    {
        try
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all, Token);
            return (int)all.Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
