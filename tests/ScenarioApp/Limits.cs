using System.Diagnostics;

namespace Modal.ScenarioApp;

/// <summary>Functions that take more than they may have.</summary>
public static partial class Limits
{
    /// <summary>The neighbour: answers at once.</summary>
    [Function(MaxContainers = 1, MinContainers = 1)]
    public static int Ping(int x) => x;

    [Function(MaxContainers = 1, MemoryMiB = 64, MemoryLimitMiB = 320)]
    public static int Hoard(int megabytes)
    {
        var hoard = new List<byte[]>();
        for (var i = 0; i < megabytes; i++)
        {
            var block = new byte[1024 * 1024];
            Array.Fill(block, (byte)1);
            hoard.Add(block);
        }

        return hoard.Count;
    }

    /// <summary>Work done on two threads.</summary>
    [Function(MaxContainers = 1, Cpu = 0.125, CpuLimit = 0.2)]
    public static long SpinLimited(int milliseconds) => Spin(milliseconds);

    [Function(MaxContainers = 1, Cpu = 0.125)]
    public static long SpinFree(int milliseconds) => Spin(milliseconds);

    [Function(MaxContainers = 1, EphemeralDiskMiB = 64)]
    public static int Fill(int megabytes)
    {
        var bytes = new byte[1024 * 1024];
        using var file = File.Create($"/tmp/{Guid.NewGuid():N}");
        for (var i = 0; i < megabytes; i++)
        {
            file.Write(bytes);
        }

        return megabytes;
    }

    [Function(MaxContainers = 1, MemoryMiB = 4096)]
    public static int Fork(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Process.Start("/bin/sleep", ["600"]).Dispose();
        }

        return count;
    }

    private static long Spin(int milliseconds)
    {
        var until = Environment.TickCount64 + milliseconds;
        var rounds = 0L;
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            var own = 0L;
            while (Environment.TickCount64 < until)
            {
                Thread.SpinWait(1000);
                own++;
            }

            Interlocked.Add(ref rounds, own);
        })).ToArray();
        Array.ForEach(threads, static t => t.Start());
        Array.ForEach(threads, static t => t.Join());
        return rounds;
    }
}
