using Modal;
using static Shares.Remote;

// Two containers start together and are given the call at the same time; the result is what rank 0 returns.
Console.WriteLine($"the share of rank 0 is {await Sum.CallAsync(1_000_000)}");

static partial class Shares
{
    [Function(Cpu = 0.5, MaxContainers = 2)]
    [Clustered(Size = 2)]
    public static long Sum(long below)
    {
        var cluster = ClusterInfo.Current!;
        var sum = 0L;
        for (long i = cluster.Rank; i < below; i += cluster.Size)
        {
            sum += i;
        }

        Console.WriteLine($"rank {cluster.Rank} of {cluster.Size}: {sum}");
        return sum;
    }
}
