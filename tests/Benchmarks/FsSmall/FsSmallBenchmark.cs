using System.Diagnostics;
using Modal.Benchmarks.FileSystems;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.FsSmall;

/// <summary>4 KB files, each opened, read and closed by one thread, on our mount and on the disk's file system in turn.</summary>
internal sealed class FsSmallBenchmark : IBenchmark
{
    private const int Files = 10_000;
    private const int FileBytes = 4096;
    private const int Rounds = 5;

    public string Name => "fs-small";

    public string Description => $"{Files} files of 4 KB read in the order of the tree through our mount and from the disk's own file system, cold (all caches dropped) and warm";

    public async Task<Measured> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("modal-bench-fs-").FullName;
        try
        {
            var content = Path.Combine(folder, "content");
            var names = MakeFiles(content);
            await using var image = await MountedImage.StartAsync(folder, content);
            await using var mount = await image.MountAsync();
            var (ours, floor) = (FileReader.Names(names.Select(n => Path.Combine(mount.Path, n))), FileReader.Names(names.Select(n => Path.Combine(content, n))));

            // The first round fills the cache and lets the server's code be compiled.
            ReadAll(ours);
            var server = await image.GetServerAsync();
            List<double> coldOurs = [], coldFloor = [], warmOurs = [], warmFloor = [], processor = [];
            for (var round = 0; round < Rounds + 1; round++)
            {
                FileReader.DropCaches();
                var floorCold = ReadAll(floor);
                var floorWarm = ReadAll(floor);
                FileReader.DropCaches();
                var before = Stats.CpuSeconds(server);
                var oursCold = ReadAll(ours);
                var used = (Stats.CpuSeconds(server) - before) * 1e6 / Files;
                var oursWarm = ReadAll(ours);

                // The server holds the cache's files open: only what the kernel knows of our mount is gone.
                FileReader.DropInodes();
                var beforeMemory = Stats.CpuSeconds(server);
                var oursMemory = ReadAll(ours);
                var usedMemory = (Stats.CpuSeconds(server) - beforeMemory) * 1e6 / Files;
                Console.WriteLine($"round {round}: files/s cold ours {oursCold:0} floor {floorCold:0}, warm ours {oursWarm:0} floor {floorWarm:0}; server {used:0.0} us/file cold; from the server's memory {oursMemory:0} files/s, {usedMemory:0.0} us/file; memory {Stats.ResidentMegabytes(server):0} MB");
                if (round > 0)
                {
                    coldOurs.Add(oursCold);
                    coldFloor.Add(floorCold);
                    warmOurs.Add(oursWarm);
                    warmFloor.Add(floorWarm);
                    processor.Add(used);
                }
            }

            // Not asked for, but good to know: without any order the disk is asked for each file.
            new Random(1).Shuffle(ours);
            new Random(1).Shuffle(floor);
            for (var round = 0; round < 3; round++)
            {
                FileReader.DropCaches();
                var floorCold = ReadAll(floor);
                FileReader.DropCaches();
                Console.WriteLine($"in random order: files/s cold ours {ReadAll(ours):0} floor {floorCold:0}");
            }

            var cold = Stats.Median(coldOurs) / Stats.Median(coldFloor);
            var warm = Stats.Median(warmOurs) / Stats.Median(warmFloor);
            var cpu = Stats.Median(processor);
            return new Measured(
                Name, $"warm:{Stats.Median(warmOurs):0}/s,cold:{Stats.Median(coldOurs):0}/s,cpu:{cpu:0.0}us/file", $"ext4:warm:{Stats.Median(warmFloor):0}/s,cold:{Stats.Median(coldFloor):0}/s({cold:0.00}x-cold)",
                warm, ">=0.6x-warm,>=1x-cold,<30us/file", warm >= 0.6 && cold >= 1 && cpu < 30);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<string> MakeFiles(string content)
    {
        var random = new Random(1);
        var bytes = new byte[FileBytes];
        var names = new List<string>(Files);
        for (var i = 0; i < Files; i++)
        {
            var name = $"d{i / 100:00}/f{i:00000}";
            Directory.CreateDirectory(Path.Combine(content, $"d{i / 100:00}"));
            random.NextBytes(bytes);
            File.WriteAllBytes(Path.Combine(content, name), bytes);
            names.Add(name);
        }

        return names;
    }

    // Files each second.
    private static double ReadAll(byte[][] names)
    {
        Span<byte> buffer = stackalloc byte[FileBytes + 1];
        var start = Stopwatch.GetTimestamp();
        foreach (var name in names)
        {
            if (FileReader.Read(name, buffer) != FileBytes)
            {
                throw new InvalidOperationException("A file has not the length it was made with.");
            }
        }

        return names.Length / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
