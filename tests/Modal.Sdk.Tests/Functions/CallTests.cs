using System.Security.Cryptography;
using Modal.Protocol;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Functions;

[Collection("client")]
public sealed class CallTests
{
    private static readonly IntFunction s_square = new();
    private static readonly CountFunction s_count = new();
    private static readonly BytesFunction s_bytes = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CallAsync_Once_GivesTheResult()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        Assert.Equal(49, await s_square.CallAsync(7, Limit));
        Assert.Equal("Test.Square", Assert.Single(client.Server.Functions).Name);
        Assert.Equal(client.App.Id, Assert.Single(client.Server.OpenedApps));
    }

    [Fact]
    public async Task CallAsync_ManyAtOnce_EachGetsItsOwn()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => s_square.CallAsync(i, Limit)));

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => i * i), results);
    }

    [Fact]
    public async Task CallAsync_PayloadOverOneMebibyte_TravelsAsBlob()
    {
        var payload = RandomNumberGenerator.GetBytes(3_000_000);
        FakeServer server = null!;
        server = new FakeServer { Answer = input => [new CallResult { Value = Echo(server, input) }] };
        await using var client = await ClientHarness.StartAsync(server);

        var result = await s_bytes.CallAsync(payload, Limit);

        Assert.Equal(payload, result);
        Assert.Equal(Payload.ContentOneofCase.BlobDigest, Assert.Single(server.Inputs).Arguments.ContentCase);
    }

    [Fact]
    public async Task CallAsync_Cancelled_ThrowsAndTellsTheServer()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = _ => [] });
        using var cancel = new CancellationTokenSource();
        var call = s_square.CallAsync(1, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task CallAsync_StreamingFunction_GivesElementsThenEnds()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Count });

        Assert.Equal([0, 1, 2], await s_count.CallAsync(3, Limit).ToListAsync(Limit));
    }

    [Fact]
    public async Task CallAsync_StreamingFunctionRunsAgain_SkipsWhatWasDelivered()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer
        {
            Answer = input => [Yield(0), Yield(1), Yield(0), Yield(1), Yield(2), new CallResult { Done = true }],
        });

        Assert.Equal([0, 1, 2], await s_count.CallAsync(3, Limit).ToListAsync(Limit));
    }

    [Fact]
    public async Task CallAsync_AppDisposed_EndsWithCancellation()
    {
        var client = await ClientHarness.StartAsync(new FakeServer { Answer = _ => [] });
        var call = s_square.CallAsync(1, Limit);

        await client.DisposeAsync();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal("The app was disposed.", error.Message);
        Assert.Equal(1, client.Server.ClosedApps);
    }

    [Theory]
    [InlineData(FailureKind.Timeout, typeof(FunctionTimeoutException))]
    [InlineData(FailureKind.Exited, typeof(ContainerFailureException))]
    [InlineData(FailureKind.StackOverflow, typeof(ContainerFailureException))]
    [InlineData(FailureKind.OutOfMemory, typeof(ContainerFailureException))]
    [InlineData(FailureKind.Crashed, typeof(ContainerFailureException))]
    [InlineData(FailureKind.Lost, typeof(ContainerFailureException))]
    [InlineData(FailureKind.Startup, typeof(ContainerStartException))]
    [InlineData(FailureKind.Serialization, typeof(PayloadSerializationException))]
    [InlineData(FailureKind.NoCapacity, typeof(CapacityException))]
    [InlineData(FailureKind.Internal, typeof(ServerException))]
    public async Task CallAsync_Failure_ThrowsTheExceptionOfItsKind(FailureKind kind, Type expected)
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer
        {
            Answer = _ => [new CallResult { Failure = new Failure { Kind = kind, Message = "what happened", ExitCode = 3 } }],
        });

        var error = await Assert.ThrowsAsync(expected, () => s_square.CallAsync(1, Limit));

        Assert.Equal("what happened", error.Message);
    }

    private static IEnumerable<CallResult> Count(Input input)
    {
        for (var i = 0; i < Answers.Int(input); i++)
        {
            yield return Yield(i);
        }

        yield return new CallResult { Done = true };
    }

    private static CallResult Yield(int i) => new() { Yield = Answers.Encode(i), YieldIndex = (ulong)i };

    // Arguments are an array of one; the result is the bare value: one byte of header less.
    private static Payload Echo(FakeServer server, Input input)
    {
        var bytes = server.Blobs[input.Arguments.BlobDigest][1..];
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        server.Blobs[digest] = bytes;
        return new Payload { Format = PayloadFormat.Messagepack, BlobDigest = digest, SizeBytes = bytes.Length };
    }
}
