using System.Diagnostics;
using Modal.Benchmarks.FileSystems;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.FsSequential;

/// <summary>One large file read from end to end through new mounts, whose bytes are in the cache and in memory: what the way through the server costs.</summary>
internal sealed class FsSequentialBenchmark : IBenchmark
{
    private const int FileBytes = 256 << 20;
    private const int Rounds = 7;

    public string Name => "fs-seq";

    public string Description => "A file of 256 MB read through a new mount, copied and by passthrough, against the disk's own file system with the file in memory; also all from disk";

    public async Task<Measured> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("modal-bench-fs-").FullName;
        try
        {
            var content = Path.Combine(folder, "content");
            MakeFile(Path.Combine(content, "large"));
            await using var image = await MountedImage.StartAsync(folder, content);
            await using (var mount = await image.MountAsync())
            {
                Read(mount.Path);
            }

            // The image's own copy is what is read; that of the origin needs no memory.
            var floor = Directory.EnumerateFiles(image.CacheFolder, "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
            List<double> copied = [], passed = [], plain = [];
            for (var round = 0; round < Rounds; round++)
            {
                ReadFile(floor);
                plain.Add(ReadFile(floor));
                copied.Add(await ReadAsync(image, passthrough: false, dropped: false));
                passed.Add(await ReadAsync(image, passthrough: true, dropped: false));
                Console.WriteLine($"round {round}: MB/s copied {copied[^1]:0} passthrough {passed[^1]:0} file system {plain[^1]:0}");
            }

            var copiedDisk = await ReadAsync(image, passthrough: false, dropped: true);
            var passedDisk = await ReadAsync(image, passthrough: true, dropped: true);
            FileReader.DropCaches();
            Console.WriteLine($"all from disk: MB/s copied {copiedDisk:0} passthrough {passedDisk:0} file system {ReadFile(floor):0}");
            var (copy, pass, ext4) = (Stats.Median(copied), Stats.Median(passed), Stats.Median(plain));
            return new Measured(Name, $"copied:{copy:0}MB/s,passthrough:{pass:0}MB/s", $"ext4:{ext4:0}MB/s", pass / ext4, ">=1000MB/s-copied,>=4000MB/s-passthrough", copy >= 1000 && pass >= 4000);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> ReadAsync(MountedImage image, bool passthrough, bool dropped)
    {
        await using var mount = await image.MountAsync(passthrough);
        if (dropped)
        {
            FileReader.DropCaches();
        }

        return Read(mount.Path);
    }

    private static double Read(string mount) => ReadFile(Path.Combine(mount, "large"));

    // MB each second.
    private static double ReadFile(string path)
    {
        var name = FileReader.Names([path])[0];
        var buffer = new byte[1 << 20];
        var start = Stopwatch.GetTimestamp();
        if (FileReader.Read(name, buffer) != FileBytes)
        {
            throw new InvalidOperationException($"{path} has not the length it was made with.");
        }

        return FileBytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void MakeFile(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = File.Create(path);
        var random = new Random(1);
        var bytes = new byte[1 << 20];
        for (var i = 0; i < FileBytes >> 20; i++)
        {
            random.NextBytes(bytes);
            file.Write(bytes);
        }
    }
}
