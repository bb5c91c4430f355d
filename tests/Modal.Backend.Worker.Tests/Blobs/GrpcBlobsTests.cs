using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Session;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Blobs;

public sealed class GrpcBlobsTests
{
    private static readonly byte[] s_bytes = [1, 2, 3, 4, 5];
    private static readonly string s_digest = Convert.ToHexStringLower(SHA256.HashData(s_bytes));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_RightBytes_AreCopied()
    {
        using var destination = new MemoryStream();

        await Blobs(new ChunkReader([s_bytes[..2], [], s_bytes[2..]], StatusCode.OK)).ReadAsync(s_digest, destination, Cancel);

        Assert.Equal(s_bytes, destination.ToArray());
    }

    [Fact]
    public async Task Read_OtherBytes_AreRefused()
    {
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => Blobs(new ChunkReader([s_bytes[..4]], StatusCode.OK)).ReadAsync(s_digest, new MemoryStream(), Cancel));

        Assert.Contains(s_digest, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, typeof(FileNotFoundException))]
    [InlineData(StatusCode.DataLoss, typeof(InvalidDataException))]
    [InlineData(StatusCode.Unavailable, typeof(RpcException))]
    public async Task Read_ServerFails_IsWhatItSays(StatusCode status, Type expected) =>
        await Assert.ThrowsAsync(expected, () => Blobs(new ChunkReader([s_bytes], status)).ReadAsync(s_digest, new MemoryStream(), Cancel));

    private static GrpcBlobs Blobs(ChunkReader reader) => new(new FakeChannel(reader));

    private sealed class FakeChannel(ChunkReader reader) : CallInvoker, IControlPlaneChannel
    {
        public CallInvoker CreateCallInvoker() => this;

        public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            new((IAsyncStreamReader<TResponse>)(object)reader, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();
    }

    // Gives the chunks and then the status.
    private sealed class ChunkReader(byte[][] chunks, StatusCode status) : IAsyncStreamReader<BlobChunk>
    {
        private int _next;

        public BlobChunk Current => new() { Data = ByteString.CopyFrom(chunks[_next - 1]) };

        public Task<bool> MoveNext(CancellationToken cancellationToken) =>
            _next++ < chunks.Length ? Task.FromResult(true) : status == StatusCode.OK ? Task.FromResult(false) : throw new RpcException(new Status(status, "the server's words"));
    }
}
