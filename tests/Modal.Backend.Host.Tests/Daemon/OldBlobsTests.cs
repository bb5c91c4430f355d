using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.Host.Daemon;
using Xunit;

namespace Modal.Backend.Host.Tests.Daemon;

public sealed class OldBlobsTests
{
    [Fact]
    public async Task Start_FolderOfAnEarlierBuild_IsRemovedAndNothingElse()
    {
        var token = TestContext.Current.CancellationToken;
        var state = Directory.CreateTempSubdirectory("modal-state-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(state, "blobs", "ab"));
            await File.WriteAllTextAsync(Path.Combine(state, "blobs", "ab", "cd"), "code", token);
            Directory.CreateDirectory(Path.Combine(state, "store", "blob"));
            for (var start = 0; start < 2; start++)
            {
                using var service = new OldBlobs(new HostOptions { StateDirectory = state }, NullLogger<OldBlobs>.Instance);
                await service.StartAsync(token);
                await service.ExecuteTask!.WaitAsync(token);

                Assert.Equal([Path.Combine(state, "store")], Directory.EnumerateFileSystemEntries(state));
            }
        }
        finally
        {
            Directory.Delete(state, recursive: true);
        }
    }
}
