namespace Modal.Backend.ImageFs;

/// <summary>Where and how images are mounted.</summary>
public sealed record ImageFsOptions
{
    private const long MinCacheBytes = 64L << 20;

    /// <summary>Folder for the mounts themselves, of this supervisor alone; made if it is not there. Mounts that a killed supervisor left in it are removed.</summary>
    public required string StateFolder { get; init; }

    /// <summary>The tier that contents come from, such as <c>folder:/srv/store</c> or <c>s3:bucket/prefix</c>.</summary>
    public required string Tier { get; init; }

    /// <summary>Folder of the local cache of contents.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>The most that the cache takes, in bytes: 64 MiB or more. The default is 20 GiB.</summary>
    public long CacheBytes { get; init; } = 20L << 30;

    /// <summary>Threads, and device descriptors, of each mount: from 1 to 16. The default is 2: more do not help one reader, and reads that wait take none.</summary>
    public int ThreadsPerMount { get; init; } = 2;

    /// <summary>How far the kernel reads ahead, in KiB: 0 to 1024. The default is 128, the kernel's own: more makes it read more of files that are used in part.</summary>
    public int ReadAheadKiB { get; init; } = 128;

    /// <summary>The same for mounts with passthrough, whose files are large and read from end to end. The default is 1024, the most that one request can ask for.</summary>
    public int PassthroughReadAheadKiB { get; init; } = 1024;

    /// <summary>The server program and arguments before its own. The default, empty, is <c>Modal.Backend.ImageFs</c> beside this program.</summary>
    public IReadOnlyList<string> ServerCommand { get; init; } = [];

    /// <summary>After how long without an answer a server is taken for hung and is killed. The default is 30 seconds, since a machine may be very busy.</summary>
    public TimeSpan ServerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Says all that is wrong.</summary>
    /// <exception cref="ArgumentException">Something is.</exception>
    internal void Validate()
    {
        var faults = new List<string>();
        Require(Path.IsPathRooted(StateFolder), $"{nameof(StateFolder)} is '{StateFolder}'; an absolute path is needed.");
        Require(Path.IsPathRooted(CacheFolder), $"{nameof(CacheFolder)} is '{CacheFolder}'; an absolute path is needed.");
        Require(Tier.Length > 0, $"{nameof(Tier)} is empty; a tier such as folder:/srv/store is needed.");
        Require(CacheBytes >= MinCacheBytes, $"{nameof(CacheBytes)} is {CacheBytes}; at least {MinCacheBytes} (64 MiB) is needed.");
        Require(ThreadsPerMount is >= 1 and <= 16, $"{nameof(ThreadsPerMount)} is {ThreadsPerMount}; 1 to 16 are possible.");
        Require(ReadAheadKiB is >= 0 and <= 1024, $"{nameof(ReadAheadKiB)} is {ReadAheadKiB}; 0 to 1024 are possible.");
        Require(PassthroughReadAheadKiB is >= 0 and <= 1024, $"{nameof(PassthroughReadAheadKiB)} is {PassthroughReadAheadKiB}; 0 to 1024 are possible.");
        Require(ServerTimeout > TimeSpan.Zero, $"{nameof(ServerTimeout)} is {ServerTimeout}; more than zero is needed.");
        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, faults));
        }

        void Require(bool isRight, string fault)
        {
            if (!isRight)
            {
                faults.Add(fault);
            }
        }
    }
}
