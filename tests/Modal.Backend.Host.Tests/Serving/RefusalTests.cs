using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Bad input gets an answer that says what is wrong.</summary>
public sealed class RefusalTests(TestServer server) : IClassFixture<TestServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ProtocolRevision.Current, "")]
    [InlineData(ProtocolRevision.Current - 1, "update the Modal.Sdk package")]
    [InlineData(ProtocolRevision.Current + 1, "update the server")]
    public async Task Hello_Revision_IsRefusedUnlessEqual(int revision, string refusal)
    {
        await using var worker = await FakeWorker.ConnectAsync(server);

        var reply = await server.Client().HelloAsync(new HelloRequest { ClientVersion = "0.1.0", ProtocolRevision = revision }, cancellationToken: Token);

        Assert.Contains(refusal, reply.Refusal, StringComparison.Ordinal);
        Assert.Equal(refusal.Length == 0, reply.Refusal.Length == 0);
        Assert.Equal("fake", reply.Sandbox);
    }

    [Fact]
    public async Task Call_UnknownFunction_IsNotFound()
    {
        await using var client = await FakeClient.OpenAsync(server);
        using var call = server.Client().Call(cancellationToken: Token);
        await call.RequestStream.WriteAsync(
            new CallRequest { Open = new OpenStream { AppId = client.AppId, FunctionId = Id.New(Id.Function), StreamId = Id.New(Id.Call) } }, Token);

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token))).StatusCode);
    }

    [Fact]
    public async Task Call_OfAnotherAppsFunction_IsNotFound()
    {
        await using var mine = await FakeClient.OpenAsync(server);
        await using var other = await FakeClient.OpenAsync(server);
        using var call = server.Client().Call(cancellationToken: Token);
        await call.RequestStream.WriteAsync(
            new CallRequest { Open = new OpenStream { AppId = mine.AppId, FunctionId = other.FunctionId, StreamId = Id.New(Id.Call) } }, Token);

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Token))).StatusCode);
    }

    [Fact]
    public async Task RunApp_BadFunction_NamesEveryFault()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => FakeClient.OpenAsync(server, f =>
        {
            f.Retries = -1;
            f.Resources = new Resources { CpuCores = double.NaN };
        }));

        Assert.Contains("Retries", error.Message, StringComparison.Ordinal);
        Assert.Contains("Cpu", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunApp_BatchedAndSingleUseWithOthers_NamesEveryFault()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => FakeClient.OpenAsync(server, f =>
        {
            f.MaxConcurrentInputs = 2;
            f.SingleUseContainers = true;
            f.BatchMaxSize = 1_001;
            f.BatchWaitMs = 600_001;
            f.Methods.Add("Jobs.Other");
        }));

        Assert.All(
            [
                "MaxConcurrentInputs is '2'; 0 or 1 with SingleUseContainers", "batch MaxSize is '1001'; from 1 to 1,000", "batch WaitMs is '600001'; from 0 to 600,000",
                "MaxConcurrentInputs is '2'; 0 or 1 for a batched function", "methods is '2'; one for a batched function",
            ],
            fault => Assert.Contains(fault, error.Message.Replace("it must be ", "", StringComparison.Ordinal), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Work_OtherRevision_IsRefusedWithAReason()
    {
        using var call = new ModalWorker.ModalWorkerClient(server.Connect()).Work(cancellationToken: Token);
        await call.RequestStream.WriteAsync(
            new WorkerMessage { Register = new RegisterWorker { WorkerId = Id.New(Id.Worker), ProtocolRevision = 99, CpuCores = 1, MemoryMib = 1024 } }, Token);

        Assert.True(await call.ResponseStream.MoveNext(Token));
        Assert.Contains("revision 99", call.ResponseStream.Current.Registered.Refusal, StringComparison.Ordinal);
        Assert.False(await call.ResponseStream.MoveNext(Token));
    }

    [Fact]
    public async Task Blobs_PutAndGet_RoundTripInChunks()
    {
        var blobs = new Protocol.Blobs.BlobsClient(server.Connect());
        var bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(3_000_000);
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
        Assert.Equal([digest], (await blobs.FindMissingAsync(new FindMissingRequest { Digests = { digest } }, cancellationToken: Token)).Digests);

        Assert.True(await PutAsync(blobs, digest, bytes));
        Assert.False(await PutAsync(blobs, digest, bytes));

        var back = new MemoryStream();
        using var get = blobs.Get(new GetRequest { Digest = digest }, cancellationToken: Token);
        while (await get.ResponseStream.MoveNext(Token))
        {
            get.ResponseStream.Current.Data.WriteTo(back);
        }

        Assert.Equal(bytes, back.ToArray());
    }

    [Fact]
    public async Task Blobs_WrongDigest_IsRefused()
    {
        var blobs = new Protocol.Blobs.BlobsClient(server.Connect());

        var error = await Assert.ThrowsAsync<RpcException>(() => PutAsync(blobs, new string('a', 64), [1, 2, 3]));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
    }

    [Fact]
    public async Task Blobs_GetUnknown_IsNotFound()
    {
        using var get = new Protocol.Blobs.BlobsClient(server.Connect()).Get(new GetRequest { Digest = new string('b', 64) }, cancellationToken: Token);

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => get.ResponseStream.MoveNext(Token))).StatusCode);
    }

    private static async Task<bool> PutAsync(Protocol.Blobs.BlobsClient blobs, string digest, byte[] bytes)
    {
        using var put = blobs.Put(cancellationToken: Token);
        foreach (var (chunk, i) in bytes.Chunk(700_000).Select((c, i) => (c, i)))
        {
            await put.RequestStream.WriteAsync(new BlobChunk { Digest = i == 0 ? digest : "", Data = ByteString.CopyFrom(chunk) }, Token);
        }

        await put.RequestStream.CompleteAsync();
        return (await put.ResponseAsync).Stored;
    }
}
