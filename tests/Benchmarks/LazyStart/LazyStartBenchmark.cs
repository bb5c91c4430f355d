using System.Diagnostics;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.LazyStart;

/// <summary>A first call on a worker that has nothing of the image, from an origin far away, against the same call where all is local, and against pulling the image first.</summary>
internal sealed class LazyStartBenchmark : IBenchmark
{
    private const int Rounds = 5;

    public string Name => "lazy-start";

    public string Description => "first call of a function (python3 -c 'import numpy') on an empty worker, origin with 5 ms and 100 MB/s per stream; peer: all of it local; beside it: pulling all of the image first";

    public async Task<Measured> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("modal-bench-lazy-").FullName;
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "benchmark");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", "benchmark");
        try
        {
            var store = Path.Combine(folder, "store");
            await RecordAsync(store);
            await using var origin = await SlowOrigin.StartAsync(store);
            List<double> cold = [], local = [], fetched = [];
            for (var round = 0; round < Rounds; round++)
            {
                var (state, _) = TestState.Create("lazy");
                var (bytes, requests) = (origin.SentBytes, origin.Requests);
                var first = await LazyClient.MeasureAsync(state, origin.Address);
                (bytes, requests) = (origin.SentBytes - bytes, origin.Requests - requests);
                var again = await LazyClient.MeasureAsync(state, $"folder:{store}");
                Directory.Delete(state, recursive: true);
                Console.WriteLine($"round {round}: empty worker {first:0.00} s with {requests} requests and {bytes / 1e6:0.0} MB, all local {again:0.00} s");
                cold.Add(first);
                local.Add(again);
                fetched.Add(bytes);
            }

            var (pull, packed, size) = await PullAsync(store, origin, folder);
            var share = Stats.Median(fetched) / packed;
            var (ours, floor) = (Stats.Median(cold), Stats.Median(local));
            Console.WriteLine($"image {size / 1e6:0} MB, {packed / 1e6:0} MB packed; pulled and unpacked as a whole in {pull:0.00} s, so that a first call would take {pull + floor:0.00} s ({(pull + floor) / ours:0.0} times ours)");
            return new Measured(
                Name, $"{ours:0.00}s({share * 100:0.0}%-of-image)", $"all-local:{floor:0.00}s,eager:{pull + floor:0.00}s", ours / floor, "<=1.3x-local,<10%-fetched", ours / floor <= 1.3 && share < 0.1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Builds the image; and starts the function often enough that what its starts read is known.
    private static async Task RecordAsync(string store)
    {
        var (state, _) = TestState.Create("lazy");
        for (var start = 0; start < 3; start++)
        {
            await LazyClient.MeasureAsync(state, $"folder:{store}");
        }

        Directory.Delete(state, recursive: true);
    }

    // As a container engine does: fetches all in parallel, unpacks it, writes it.
    private static async Task<(double Seconds, long PackedBytes, long Bytes)> PullAsync(string store, SlowOrigin origin, string folder)
    {
        // The largest index is the image's; those of the layers below are smaller.
        var stored = new DirectoryInfo(Path.Combine(store, ObjectKeys.Indexes)).EnumerateFiles("*", SearchOption.AllDirectories).MaxBy(f => f.Length)!.FullName;
        using var index = ImageIndex.Parse(StoredIndex.Read(await File.ReadAllBytesAsync(stored)));
        var chunks = Enumerable.Range(0, index.ChunkCount).Select(index.GetChunk).ToLookup(c => c.Pack);
        using var tier = (S3Tier)TierAddress.Open(origin.Address);
        long packed = 0;
        var start = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(chunks, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (pack, token) =>
        {
            var key = ObjectKeys.Pack(pack.Key);
            var bytes = new byte[(await tier.GetSizeAsync(key, token))!.Value];
            await tier.ReadAsync(key, 0, bytes, token);
            Interlocked.Add(ref packed, bytes.Length);
            await using var file = File.Create(Path.Combine(folder, pack.Key.ToString()));
            using var codec = FrameCodec.Rent();
            foreach (var chunk in pack)
            {
                var plain = new byte[chunk.SizeBytes];
                if (!codec.TryUnpack(in chunk, bytes.AsSpan((int)chunk.PackOffset, chunk.StoredBytes), plain))
                {
                    throw new InvalidDataException("A chunk is damaged.");
                }

                await file.WriteAsync(plain, token);
            }
        });
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, packed, chunks.SelectMany(p => p).Sum(c => (long)c.SizeBytes));
    }
}
