using System.Diagnostics;

namespace Modal.Benchmarks.Volumes;

/// <summary>Runs in a container that has a volume.</summary>
public static partial class VolumeJobs
{
    /// <summary>The benchmark's own.</summary>
    public static Volume Data => Volume.FromName("benchmark", createIfMissing: true);

    /// <summary>Writes files anew and commits them, then commits again without a change.</summary>
    /// <returns>Milliseconds of both commits.</returns>
    [Function(MaxContainers = 1, TimeoutSeconds = 600)]
    [Mount("/data", nameof(Data))]
    public static async Task<(double Changed, double Unchanged)> Commit(int files, int round)
    {
        var content = new byte[1024];
        for (var i = 0; i < files; i++)
        {
            var folder = $"/data/{i / 100}";
            if (i % 100 == 0)
            {
                Directory.CreateDirectory(folder);
            }

            BitConverter.TryWriteBytes(content, (round * files) + i);
            await File.WriteAllBytesAsync($"{folder}/{i}", content);
        }

        var start = Stopwatch.GetTimestamp();
        await Data.CommitAsync();
        var changed = Stopwatch.GetElapsedTime(start);

        // The first time after, all that was young is read again.
        await Task.Delay(100);
        await Data.CommitAsync();
        start = Stopwatch.GetTimestamp();
        await Data.CommitAsync();
        return (changed.TotalMilliseconds, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }
}
