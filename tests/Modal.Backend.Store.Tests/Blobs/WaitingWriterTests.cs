using System.Security.Cryptography;
using Modal.Backend.Store.Blobs;
using Xunit;

namespace Modal.Backend.Store.Tests.Blobs;

public sealed class WaitingWriterTests
{
    [Fact]
    public async Task PutAsync_TheOneWaitedForHasWrongBytes_TheNextStoresTheRightOnes()
    {
        var token = TestContext.Current.CancellationToken;
        var directory = Directory.CreateTempSubdirectory("modal-store-").FullName;
        var store = new BlobStore(new BlobStoreOptions { Directory = directory });
        byte[] bytes = [1, 2, 3];
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var wrong = new GatedStream([9, 9, 9]);
        try
        {
            var first = store.PutAsync(digest, wrong, token);
            await wrong.Reading;
            var second = store.PutAsync(digest, new MemoryStream(bytes), token);
            Assert.False(second.IsCompleted);
            wrong.Open();

            Assert.Equal(BlobPutResult.WrongDigest, await first);
            Assert.Equal(BlobPutResult.Stored, await second);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private sealed class GatedStream(byte[] bytes) : MemoryStream(bytes)
    {
        private readonly TaskCompletionSource _reading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reading => _reading.Task;

        public void Open() => _gate.SetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _reading.TrySetResult();
            await _gate.Task.WaitAsync(cancellationToken);
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
