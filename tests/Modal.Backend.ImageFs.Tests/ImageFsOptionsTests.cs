using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Modal.Backend.ImageFs.Tests;

public sealed class ImageFsOptionsTests
{
    [Fact]
    public void Defaults_AreThese()
    {
        var options = new ImageFsOptions { StateFolder = "/s", CacheFolder = "/c", Tier = "folder:/t" };

        Assert.Equal(20L << 30, options.CacheBytes);
        Assert.Equal(2, options.ThreadsPerMount);
        Assert.Equal(128, options.ReadAheadKiB);
        Assert.Equal(1024, options.PassthroughReadAheadKiB);
        Assert.Empty(options.ServerCommand);
        Assert.Equal(TimeSpan.FromSeconds(30), options.ServerTimeout);
    }

    [Fact]
    public void Start_AllWrong_SaysAllOfIt()
    {
        var options = new ImageFsOptions
        {
            StateFolder = "state",
            CacheFolder = "",
            Tier = "",
            CacheBytes = 5,
            ThreadsPerMount = 0,
            ReadAheadKiB = -1,
            PassthroughReadAheadKiB = 2000,
            ServerTimeout = TimeSpan.Zero,
        };

        var failure = Assert.Throws<ArgumentException>(() => ImageFsSupervisor.Start(options, NullLogger.Instance, TimeProvider.System));

        Assert.Equal(
            """
            StateFolder is 'state'; an absolute path is needed.
            CacheFolder is ''; an absolute path is needed.
            Tier is empty; a tier such as folder:/srv/store is needed.
            CacheBytes is 5; at least 67108864 (64 MiB) is needed.
            ThreadsPerMount is 0; 1 to 16 are possible.
            ReadAheadKiB is -1; 0 to 1024 are possible.
            PassthroughReadAheadKiB is 2000; 0 to 1024 are possible.
            ServerTimeout is 00:00:00; more than zero is needed.
            """,
            failure.Message);
    }
}
