using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Secrets, dicts and queues over the real protocol.</summary>
public sealed class StoredTests(TestServer server) : IClassFixture<TestServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Start_FunctionWithSecrets_WorkerGetsTheirValuesAndTheSpecDoesNot()
    {
        var secrets = new Secrets.SecretsClient(server.Connect());
        await secrets.WriteAsync(new WriteSecretRequest { Name = "start-api", Variables = { ["TOKEN"] = "hunter2", ["SHARED"] = "named" } }, cancellationToken: Cancel);
        StartContainer? started = null;
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnStart = start =>
        {
            started = start;
            return new WorkerMessage { Ready = new ContainerReady { ContainerId = start.ContainerId } };
        });
        var (app, id) = (Id.New(Id.App), Id.New(Id.Secret));
        await secrets.PutForAppAsync(new PutAppSecretRequest { AppId = app, SecretId = id, Variables = { ["SHARED"] = "mine" } }, cancellationToken: Cancel);
        await using var client = await FakeClient.OpenAsync(server, f => f.Secrets.AddRange([new SecretReference { Name = "start-api" }, new SecretReference { SecretId = id }]), app);
        await using var calls = await client.CallAsync();

        await calls.PutAsync(1, start: 3);
        await calls.ResultsAsync(1);

        Assert.Equal(new Dictionary<string, string> { ["TOKEN"] = "hunter2", ["SHARED"] = "mine" }, started!.SecretVariables.ToDictionary());
        Assert.Equal(64, started.SecretFingerprint.Length);
        Assert.DoesNotContain("hunter2", started.Function.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_SecretIsMissing_FailsTheCallWithTheReason()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, static f => f.Secrets.Add(new SecretReference { Name = "nowhere" }));
        await using var calls = await client.CallAsync();

        await calls.PutAsync(1, start: 3);
        var results = calls.ResultsAsync(1);
        while (!results.IsCompleted)
        {
            // The start is tried again after a while, three times in all; each report is a round trip to the server.
            server.Time.Advance(TimeSpan.FromMilliseconds(250));
            await worker.ReportAsync();
        }

        var failure = Assert.Single(await results).Failure;

        Assert.Equal(FailureKind.Startup, failure.Kind);
        Assert.Equal("'Jobs.Square' cannot start: There is no secret 'nowhere' in the environment 'main'. Create it with Secret.CreateAsync.", failure.Message);
    }

    [Theory]
    [InlineData("-a", "TOKEN", "x", "'-a' cannot name a secret: use 1 to 64 letters, digits, '-', '_' and '.', with a letter or digit first, and not 'st-'.")]
    [InlineData("a", "9", "x", "'9' cannot name a variable: use letters, digits and '_', with no digit first.")]
    [InlineData("a", "TOKEN", "sec\0ret", "The value of 'TOKEN' has a zero character in it, which no variable can have.")]
    public async Task Write_SecretThatCannotBe_IsRefusedWithoutItsValue(string name, string key, string value, string message)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() =>
            new Secrets.SecretsClient(server.Connect()).WriteAsync(new WriteSecretRequest { Name = name, Variables = { [key] = value } }, cancellationToken: Cancel).ResponseAsync);

        Assert.Equal((StatusCode.InvalidArgument, message), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Get_Waiting_IsWokenByAnotherClientsPut()
    {
        var (queues, id) = await QueueAsync();
        var waiting = queues.ExecuteAsync(Batch(id, Wait()), cancellationToken: Cancel).ResponseAsync;

        await new Queues.QueuesClient(server.Connect()).ExecuteAsync(Batch(id, Put("a")), cancellationToken: Cancel);

        Assert.Equal("a", Assert.Single((await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Results).Items.Items.Single().ToStringUtf8());
    }

    [Fact]
    public async Task Get_ClientLeavesWhileItWaits_ItemGoesToAnother()
    {
        var (queues, id) = await QueueAsync();
        using (var leaves = new CancellationTokenSource())
        {
            var waiting = queues.ExecuteAsync(Batch(id, Wait()), cancellationToken: leaves.Token).ResponseAsync;
            await queues.ExecuteAsync(Batch(id, Length()), cancellationToken: Cancel);
            await leaves.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(() => waiting);
        }

        // Whoever comes next waits behind the one who left, unless that is known to be gone.
        var next = queues.ExecuteAsync(Batch(id, Wait()), cancellationToken: Cancel).ResponseAsync;
        var puts = 0;
        for (; puts < 2 && !next.IsCompleted; puts++)
        {
            await queues.ExecuteAsync(Batch(id, Put($"{puts}")), cancellationToken: Cancel);
            await Task.WhenAny(next, Task.Delay(TimeSpan.FromSeconds(10), Cancel));
        }

        // The first is answered to the one who left only if the server has not heard of that yet.
        Assert.Equal($"{puts - 1}", (await next).Results[0].Items.Items.Single().ToStringUtf8());
    }

    [Fact]
    public async Task Execute_WaitAmongOthers_IsRefused()
    {
        var (queues, id) = await QueueAsync();

        var error = await Assert.ThrowsAsync<RpcException>(() => queues.ExecuteAsync(Batch(id, Wait(), Put("a")), cancellationToken: Cancel).ResponseAsync);

        Assert.Equal("A get that waits must be the only operation of its batch.", error.Status.Detail);
    }

    [Fact]
    public async Task Execute_QueueWasDeleted_IsNotFound()
    {
        var (queues, id) = await QueueAsync();
        await queues.ExecuteAsync(Batch(id, Put("a")), cancellationToken: Cancel);
        var waiting = queues.ExecuteAsync(Batch(id, Wait("other")), cancellationToken: Cancel).ResponseAsync;
        await queues.DeleteAsync(new DeleteQueueRequest { QueueId = id }, cancellationToken: Cancel);

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => queues.ExecuteAsync(Batch(id, Put("a")), cancellationToken: Cancel).ResponseAsync)).StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => waiting)).StatusCode);
    }

    [Fact]
    public async Task Iterate_Queue_PagesAndLeavesTheItems()
    {
        var (queues, id) = await QueueAsync();
        await queues.ExecuteAsync(Batch(id, Put([.. Enumerable.Range(0, 1_500).Select(i => $"{i}")])), cancellationToken: Cancel);

        var first = await queues.IterateAsync(new IterateQueueRequest { QueueId = id }, cancellationToken: Cancel);
        var second = await queues.IterateAsync(new IterateQueueRequest { QueueId = id, After = first.Last }, cancellationToken: Cancel);

        Assert.Equal((1_000, true, false), (first.Items.Count, first.HasMore, second.HasMore));
        Assert.Equal(Enumerable.Range(0, 1_500).Select(i => $"{i}"), first.Items.Concat(second.Items).Select(i => i.ToStringUtf8()));
        Assert.Equal(1_500, (await queues.ExecuteAsync(Batch(id, Length()), cancellationToken: Cancel)).Results[0].Length);
    }

    [Fact]
    public async Task Open_UnknownEnvironment_SaysSo()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => new Dicts.DictsClient(server.Connect()).OpenAsync(new OpenDictRequest { Environment = "nowhere", Name = "a" }, cancellationToken: Cancel).ResponseAsync);

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.StartsWith("There is no environment 'nowhere'.", error.Status.Detail, StringComparison.Ordinal);
    }

    private static QueueOperation Put(params string[] items) => new() { Put = new QueuePut { Items = { items.Select(ByteString.CopyFromUtf8) } } };

    private static QueueOperation Wait(string partition = "") => new() { Get = new QueueGet { Partition = partition, Count = 1, WaitMs = 30_000 } };

    private static QueueOperation Length() => new() { Length = new QueueLength() };

    private static QueueBatch Batch(string id, params QueueOperation[] operations) => new() { QueueId = id, RequestId = Guid.NewGuid().ToString("N"), Operations = { operations } };

    private async Task<(Queues.QueuesClient Client, string Id)> QueueAsync()
    {
        var client = new Queues.QueuesClient(server.Connect());
        return (client, (await client.OpenAsync(new OpenQueueRequest(), cancellationToken: Cancel)).QueueId);
    }
}
