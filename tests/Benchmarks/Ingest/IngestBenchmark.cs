using System.Diagnostics;
using System.Runtime.InteropServices;
using CliWrap;
using CliWrap.Buffered;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.Ingest;

/// <summary>A root file system of 440 MB taken into the store, its files in the kernel's cache; and the index of a large one.</summary>
internal sealed class IngestBenchmark : IBenchmark
{
    private const long RootBytes = 440_000_000;
    private const int Entries = 34_000;
    private const int Rounds = 5;

    public string Name => "ingest";

    public string Description => $"a root of 440 MB stored anew and again (known), against tar | zstd -3 of the same; size and opening of an index of {Entries} entries";

    public async Task<Measured> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("modal-bench-ingest-").FullName;
        try
        {
            var content = Path.Combine(folder, "root");
            var (files, bytes) = MakeRoot(content);
            List<double> fresh = [], again = [], peer = [];
            for (var round = 0; round < Rounds + 1; round++)
            {
                var tier = Path.Combine(folder, $"tier{round}");
                var catalog = new ContentCatalog();
                var before = Environment.CpuUsage.TotalTime;
                var first = await Stats.SecondsAsync(() => IngestAsync(content, tier, catalog));
                var used = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
                var known = await Stats.SecondsAsync(() => IngestAsync(content, tier, catalog));
                var packed = new DirectoryInfo(tier).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
                Directory.Delete(tier, recursive: true);
                var archive = await Stats.SecondsAsync(() => ArchiveAsync(content, Path.Combine(folder, "peer.tar.zst")));
                Console.WriteLine($"round {round}: {files} files, {bytes / 1e6:0} MB: new {first:0.00} s ({used:0.00} s of processor time), known {known:0.00} s, stored {packed / 1e6:0} MB; tar | zstd -3 -T0 {archive:0.00} s");
                if (round > 0)
                {
                    fresh.Add(first);
                    again.Add(known);
                    peer.Add(archive);
                }
            }

            Directory.Delete(content, recursive: true);
            var (entries, size, open) = await MeasureIndexAsync(folder);
            Console.WriteLine($"index of {entries} entries: {size / 1e6:0.00} MB, open to first lookup {open:0.00} ms");
            var seconds = Stats.Median(fresh);
            return new Measured(
                Name, $"new:{seconds:0.00}s,known:{Stats.Median(again):0.00}s,index:{size / 1e6:0.00}MB,open:{open:0.00}ms", $"tar-zstd:{Stats.Median(peer):0.00}s", Stats.Median(peer) / seconds,
                "<1s,<4MB,<5ms", seconds < 1 && size < 4_000_000 && open < 5);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task IngestAsync(string content, string tier, ContentCatalog catalog)
    {
        using var writer = new ContentWriter(new FolderTier(tier), catalog);
        (await writer.FinishAsync(await DirectoryTree.ScanAsync(content, writer, CancellationToken.None), CancellationToken.None)).Dispose();
    }

    private static async Task ArchiveAsync(string content, string archive)
    {
        await Cli.Wrap("sh").WithArguments(["-c", $"tar -C '{content}' --sort=name -cf - . | zstd -q -f -3 -T0 -o '{archive}'"]).ExecuteAsync();
    }

    // .NET itself is like the root of a real image: libraries of some MB, and many small files.
    private static (int Files, long Bytes) MakeRoot(string content)
    {
        var source = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        var (files, bytes) = (0, 0L);
        foreach (var file in new DirectoryInfo(source).EnumerateFiles("*", SearchOption.AllDirectories).OrderBy(f => f.FullName, StringComparer.Ordinal))
        {
            if (bytes + file.Length > RootBytes)
            {
                break;
            }

            var target = Path.Combine(content, Path.GetRelativePath(source, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            file.CopyTo(target);
            files++;
            bytes += file.Length;
        }

        return (files, bytes);
    }

    private static async Task<(int Entries, long Bytes, double Milliseconds)> MeasureIndexAsync(string folder)
    {
        // The names, folders and links of the standard base as often as it takes; every file with a content of its own, which an index has to tell apart.
        var content = Path.Combine(folder, "many");
        var source = Directory.EnumerateDirectories(TestState.StandardBases).Select(d => Path.Combine(d, "rootfs", "usr")).First(Directory.Exists);
        var withoutLinks = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        var copies = 1 + Entries / new DirectoryInfo(source).EnumerateFileSystemInfos("*", withoutLinks).Count();
        Directory.CreateDirectory(content);
        for (var copy = 0; copy < copies; copy++)
        {
            await Cli.Wrap("cp").WithArguments(["-a", source, Path.Combine(content, $"copy{copy}")]).ExecuteAsync();
        }

        var listed = await Cli.Wrap("find").WithArguments([content]).ExecuteBufferedAsync();
        var surplus = listed.StandardOutput.Count(static c => c == '\n') - Entries;
        foreach (var file in Directory.GetFiles(content, "*", withoutLinks))
        {
            if (surplus-- > 0)
            {
                File.Delete(file);
            }
            else
            {
                await File.WriteAllTextAsync(file, file);
            }
        }

        var tier = new FolderTier(Path.Combine(folder, "many-tier"));
        using var writer = new ContentWriter(tier, new ContentCatalog());
        var path = Path.Combine(folder, "many.index");
        int entries;
        long size;
        using (var index = await writer.FinishAsync(await DirectoryTree.ScanAsync(content, writer, CancellationToken.None), CancellationToken.None))
        {
            (entries, size) = (index.NodeCount, index.Bytes.Length);
            await File.WriteAllBytesAsync(path, index.Bytes.ToArray());
        }

        var times = new List<double>();
        for (var i = 0; i < 21; i++)
        {
            var start = Stopwatch.GetTimestamp();
            using var index = ImageIndex.Open(path);
            if (index.Find("copy1/lib") < 0)
            {
                throw new InvalidOperationException("A file of the index is not found.");
            }

            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return (entries, size, Stats.Median(times.Skip(1)));
    }
}
