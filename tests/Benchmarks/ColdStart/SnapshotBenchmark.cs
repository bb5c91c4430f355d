using System.Globalization;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.ColdStart;

/// <summary>What a snapshot of a heap of 500 MB takes in the store, and how much of a second function's is new.</summary>
internal sealed partial class SnapshotBenchmark : IBenchmark
{
    public const string Argument = "--snapshot-client";

    public string Name => "snapshot";

    public string Description => "stored bytes of a snapshot with a heap of 500 MB, and new bytes of a second function's on the same image; floor: the snapshot's files as they are";

    /// <summary>Main of the client's process.</summary>
    public static async Task CallAsync()
    {
        await using var first = HeavyService.Remote.Create();
        await using var second = OtherHeavyService.Remote.Create();
        Console.WriteLine(await first.Count.CallAsync());
        await WaitForSnapshotsAsync(".HeavyService");
        Console.WriteLine(await second.Describe.CallAsync());
        await WaitForSnapshotsAsync(".OtherHeavyService");
    }

    public async Task<Measured> RunAsync()
    {
        var (state, _) = TestState.Create("snap");
        var daemon = HostProcess.Serve(state);
        try
        {
            await Cli.Wrap("dotnet")
                .WithArguments([typeof(SnapshotBenchmark).Assembly.Location, Argument])
                .WithEnvironmentVariables(e => e.Set("MODAL_STATE_DIR", state).Set("MODAL_HOST", HostPaths.HostProgram))
                .WithStandardErrorPipe(PipeTarget.ToDelegate(Console.Error.WriteLine))
                .ExecuteBufferedAsync();
            var stored = await ReadAsync(Path.Combine(state, "logs"));
            var (size, _, first) = stored[".HeavyService"];
            var (secondSize, newBytes, _) = stored[".OtherHeavyService"];
            var (share, news) = (first / (double)size, newBytes / (double)secondSize);
            Console.WriteLine($"{size / 1e6:0} MB of memory, {first / 1e6:0} MB stored; second function: {newBytes / 1e6:0} of {secondSize / 1e6:0} MB new");
            return new Measured(Name, $"{share * 100:0.0}%-stored,{news * 100:0.0}%-new", $"raw:{size / 1e6:0}MB", share, "<40%-stored,<20%-new", share < 0.4 && news < 0.2);
        }
        finally
        {
            await HostProcess.StopAsync(daemon);
            Directory.Delete(state, recursive: true);
        }
    }

    private static async Task WaitForSnapshotsAsync(string function) => await Until.SeenAsync(
        $"the snapshot of {function}", TimeSpan.FromMinutes(3), () => ReadAsync(Path.Combine(Environment.GetEnvironmentVariable("MODAL_STATE_DIR")!, "logs")), stored => stored.ContainsKey(function));

    // By the end of the function's name: bytes in all, new ones, and what they take in packs.
    private static async Task<IReadOnlyDictionary<string, (long SizeBytes, long NewBytes, long PackedBytes)>> ReadAsync(string logs)
    {
        var stored = new Dictionary<string, (long, long, long)>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(logs))
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            foreach (Match line in Line().Matches(await reader.ReadToEndAsync()))
            {
                stored[line.Groups[1].Value] = (Number(line, 2), Number(line, 3), Number(line, 4));
            }
        }

        return stored;
    }

    private static long Number(Match line, int group) => long.Parse(line.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Stored the snapshot \S+ of \S*(\.\w+): (\d+) bytes, (\d+) of them new, (\d+) when packed")]
    private static partial Regex Line();
}
