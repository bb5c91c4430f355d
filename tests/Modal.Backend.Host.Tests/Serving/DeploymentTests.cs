using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Apps that stay without their program.</summary>
public sealed class DeploymentTests(TestServer server) : IClassFixture<TestServer>
{
    private readonly string _name = $"app-{Guid.NewGuid():N}";

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    private Deployments.DeploymentsClient Client => new(server.Connect());

    private string AppId => Id.DeployedApp("main", _name);

    [Fact]
    public async Task Deploy_New_IsFoundByNameAndCalled()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        var reply = await DeployAsync(Square());

        var found = await LookupAsync("Jobs.Square");

        Assert.Equal((AppId, 1L, false), (reply.AppId, reply.Version, reply.IsUnchanged));
        Assert.Equal((AppId, 1L, "Jobs.Square"), (found.AppId, found.Version, found.Function.Name));
        await using var calls = await CallAsync(found);
        await calls.PutAsync(3);
        Assert.Equal([0, 1, 4], (await calls.ResultsAsync(3)).OrderBy(r => r.Index).Select(r => FakeWorker.ValueOf(r.Value)));
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_TheSameAgain_ChangesNothingAndSaysSo()
    {
        await DeployAsync(Square());

        var again = await DeployAsync(Square());

        Assert.Equal((1L, true), (again.Version, again.IsUnchanged));
        Assert.Single((await HistoryAsync()).Versions);
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_NewCode_OldContainerServesUntilTheNewIsReadyAndLosesNothing()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = d => d.Attempts[0].Input.Index == 1 ? [] : [FakeWorker.SquareAll(d)]);
        await DeployAsync(Square());
        await using var calls = await CallAsync(await LookupAsync("Jobs.Square"));
        await calls.PutAsync(2);
        var held = await worker.Messages.FirstAsync("the held input", m => m.Dispatch?.Attempts[0].Input.Index == 1 ? m.Dispatch : null);

        // The new one does not get ready by itself.
        worker.OnStart = static _ => null;
        worker.EndsWhenTold = false;
        await DeployAsync(Square(), code: '1');
        var start = await worker.Messages.FirstAsync("the new container", m => m.Start?.Code.Digest[0] == '1' ? m.Start : null);
        await worker.SendAsync(new WorkerMessage { Ready = new ContainerReady { ContainerId = start.ContainerId } });

        var stop = await worker.Messages.FirstAsync("the old container's end", m => m.Stop);
        Assert.Equal((held.ContainerId, "a new version of the function takes over"), (stop.ContainerId, stop.Reason));
        Assert.True(stop.GraceMs >= 60_000);
        await calls.PutAsync(1, start: 2);
        Assert.Equal(4, FakeWorker.ValueOf((await calls.ResultsAsync(2))[1].Value));
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_NewVersionCannotStart_OldGoesOnServing()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await DeployAsync(Square());
        await using var calls = await CallAsync(await LookupAsync("Jobs.Square"));
        await calls.PutAsync(1);
        await calls.ResultsAsync(1);

        worker.OnStart = static s => new WorkerMessage { Exited = new ContainerExited { ContainerId = s.ContainerId, Reason = ExitReason.StartupFailed, Failure = new Failure { Kind = FailureKind.Startup, Message = "no" } } };
        await DeployAsync(Square(), code: '1');
        await worker.Messages.FirstAsync("the new container", m => m.Start?.Code.Digest[0] == '1' ? m.Start : null);
        await calls.PutAsync(3, start: 1);

        Assert.All(await calls.ResultsAsync(4), r => Assert.NotNull(r.Value));
        await StopAsync();
    }

    [Fact]
    public async Task Rollback_OneVersionBack_IsANewVersionWithTheOldCode()
    {
        await DeployAsync(Square());
        await DeployAsync(Square(), code: '1', tag: "v2");

        var reply = await Client.RollbackAsync(new RollbackRequest { Name = _name }, cancellationToken: Limit);

        Assert.Equal(3, reply.Version);
        var versions = (await HistoryAsync()).Versions;
        Assert.Equal([(3L, 1L, "", true), (2L, 0L, "v2", false), (1L, 0L, "", false)], versions.Select(v => (v.Version, v.RolledBackTo, v.Tag, v.IsCurrent)));
        Assert.Equal(versions[2].CodeDigest, versions[0].CodeDigest);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.RollbackAsync(new RollbackRequest { Name = _name, Version = 9 }, cancellationToken: Limit));
        Assert.Equal((StatusCode.NotFound, $"The app '{_name}' has no version 9; its current version is 3."), (error.StatusCode, error.Status.Detail));
        await StopAsync();
    }

    [Fact]
    public async Task ServerEnds_Deployed_IsThereInTheNextWithItsMinimum()
    {
        var function = Square();
        function.MinContainers = 1;
        await DeployAsync(function);

        await server.RestartAsync();
        await using var worker = await FakeWorker.ConnectAsync(server);

        await worker.Messages.FirstAsync("StartContainer", m => m.Start?.AppId == AppId ? m.Start : null);
        Assert.Equal(1, (await LookupAsync("Jobs.Square")).Version);
        await StopAsync();
    }

    [Fact]
    public async Task Environments_AnotherThanTheApps_DoesNotSeeIt()
    {
        var environments = new Environments.EnvironmentsClient(server.Connect());
        await environments.CreateAsync(new CreateEnvironmentRequest { Name = "dev" }, cancellationToken: Limit);
        await DeployAsync(Square(), environment: "dev");

        var error = await Assert.ThrowsAsync<RpcException>(() => LookupAsync("Jobs.Square"));
        Assert.Equal((StatusCode.NotFound, $"No app '{_name}' is deployed in the environment 'main'. Deploy it, or name another environment."), (error.StatusCode, error.Status.Detail));
        Assert.Equal(1, (await LookupAsync("Jobs.Square", environment: "dev")).Version);
        var full = await Assert.ThrowsAsync<RpcException>(async () => await environments.DeleteAsync(new DeleteEnvironmentRequest { Name = "dev" }, cancellationToken: Limit));
        Assert.Equal(StatusCode.FailedPrecondition, full.StatusCode);

        await Client.StopAsync(new StopAppRequest { Environment = "dev", Name = _name }, cancellationToken: Limit);
        await environments.DeleteAsync(new DeleteEnvironmentRequest { Name = "dev" }, cancellationToken: Limit);
        var unknown = await Assert.ThrowsAsync<RpcException>(() => LookupAsync("Jobs.Square", environment: "dev"));
        Assert.Contains("There is no environment 'dev'.", unknown.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_Deployed_IsGoneAndItsNameIsFree()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await DeployAsync(Square());
        await using (var calls = await CallAsync(await LookupAsync("Jobs.Square")))
        {
            await calls.PutAsync(1);
            await calls.ResultsAsync(1);
        }

        await StopAsync();

        await worker.Messages.FirstAsync("StopContainer", m => m.Stop);
        await Assert.ThrowsAsync<RpcException>(() => LookupAsync("Jobs.Square"));
        await worker.ReportAsync();
        Assert.Equal(1, (await DeployAsync(Square())).Version);
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_IncompatibleSignature_IsReported()
    {
        const string Before = """{"functions":[{"name":"Jobs.Square","parameters":[{"name":"x","type":"int"}],"result":"int"},{"name":"Jobs.Gone","parameters":[]}],"services":[]}""";
        const string After = """{"functions":[{"name":"Jobs.Square","parameters":[{"name":"x","type":"string"},{"name":"y","type":"int"}],"result":"int","streaming":true}],"services":[]}""";
        await DeployAsync(Square(), manifest: Before);

        var reply = await DeployAsync(Square(), manifest: After);

        Assert.Equal(
            [
                "'Jobs.Gone' is gone.", "Parameter 1 of 'Jobs.Square' was 'int x' and is 'string x'.",
                "'Jobs.Square' has a new parameter 'int y', which callers do not send.", "'Jobs.Square' returned 'int' and returns a stream of 'int'.",
            ],
            reply.Incompatibilities);
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_ServiceLosesAMethod_OthersKeepTheirPositions()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await DeployAsync(Model("Model.A", "Model.B", "Model.C"));
        await DeployAsync(Model("Model.D", "Model.C", "Model.A"));

        var found = await LookupAsync("Model", FakeWorker.PayloadOf(5));

        Assert.Equal(["Model.A", "", "Model.C", "Model.D"], found.Function.Methods);
        Assert.Equal(5, FakeWorker.ValueOf(found.Function.ServiceArguments));
        await using var calls = await CallAsync(found);
        await calls.PutAsync(1);
        await calls.ResultsAsync(1);
        Assert.Equal(["Model.A", "", "Model.C", "Model.D"], (await worker.Messages.FirstAsync("StartContainer", m => m.Start)).Function.Methods);
        var error = await Assert.ThrowsAsync<RpcException>(() => LookupAsync("Model"));
        Assert.Contains($"has no function 'Model'. It has: Model (a service).", error.Status.Detail, StringComparison.Ordinal);
        await StopAsync();
    }

    [Fact]
    public async Task Deploy_FunctionIsGone_FinishesWhatItHas()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        await DeployAsync(Square());
        await using var calls = await CallAsync(await LookupAsync("Jobs.Square"));
        await calls.PutAsync(1);
        var held = await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);

        var other = Square();
        (other.Name, other.FunctionId) = ("Jobs.Other", Id.Derive(Id.Function, AppId, "Jobs.Other"));
        await DeployAsync(other);
        await worker.SendAsync(FakeWorker.SquareAll(held));

        Assert.NotNull(Assert.Single(await calls.ResultsAsync(1)).Value);
        var stop = worker.Messages.FirstAsync("StopContainer", m => m.Stop);
        while (!stop.IsCompleted)
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            await worker.ReportAsync();
        }

        Assert.Equal(held.ContainerId, (await stop).ContainerId);
        await StopAsync();
    }

    [Theory]
    [InlineData("a b", "", "name is 'a b'; it must be 1 to 64 letters, digits, '-', '_' and '.', and not begin with 'ap-'.")]
    [InlineData("fine", "no spaces", "tag is 'no spaces'; it must be at most 50 letters, digits, '-', '_' and '.'.")]
    public async Task Deploy_BadName_SaysWhatItMustBe(string name, string tag, string message)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.DeployAsync(Request(Square(), name, tag: tag), cancellationToken: Limit));

        Assert.Equal((StatusCode.InvalidArgument, message), (error.StatusCode, error.Status.Detail));
    }

    private static DeployRequest Request(FunctionSpec function, string name, char code = '0', string tag = "", string environment = "", string? manifest = null)
    {
        var digest = new string(code, 64);
        var request = new DeployRequest
        {
            Name = name,
            Environment = environment,
            Tag = tag,
            Code = new CodeVersion { Digest = digest, Files = { new CodeFile { Path = "Jobs.dll", Digest = digest, SizeBytes = 1 } } },
            Functions = { function },
        };
        request.Manifests.Add(manifest ?? "{}");
        return request;
    }

    private FunctionSpec Square() => new() { FunctionId = Id.Derive(Id.Function, AppId, "Jobs.Square"), Name = "Jobs.Square", Assembly = "Jobs", MaxContainers = 1, Methods = { "Jobs.Square" } };

    private FunctionSpec Model(params string[] methods) => new() { FunctionId = Id.Derive(Id.Function, AppId, "Model"), Name = "Model", Assembly = "Jobs", IsService = true, MaxContainers = 1, Methods = { methods } };

    private async Task<DeployReply> DeployAsync(FunctionSpec function, char code = '0', string tag = "", string environment = "", string? manifest = null) =>
        await Client.DeployAsync(Request(function, _name, code, tag, environment, manifest), cancellationToken: Limit);

    private async Task<LookupReply> LookupAsync(string name, Payload? arguments = null, string environment = "") =>
        await Client.LookupAsync(new LookupRequest { App = _name, Name = name, ServiceArguments = arguments, Environment = environment }, cancellationToken: Limit);

    private async Task<AppHistoryReply> HistoryAsync() => await Client.HistoryAsync(new AppHistoryRequest { Name = _name }, cancellationToken: Limit);

    private async Task StopAsync() => await Client.StopAsync(new StopAppRequest { Name = _name }, cancellationToken: Limit);

    private async Task<FakeCalls> CallAsync(LookupReply found)
    {
        var calls = new FakeCalls(server.Client(), Id.New(Id.Call));
        await calls.OpenAsync(found.AppId, found.Function.FunctionId, 0);
        return calls;
    }
}
