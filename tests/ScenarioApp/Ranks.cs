namespace Modal.ScenarioApp;

/// <summary>Functions whose inputs two containers take together.</summary>
public static partial class Ranks
{
    /// <summary>Every container of the cluster prints its rank; the result is where rank 0 runs. The disk of its own keeps it from taking a sandbox that waits, which has another name.</summary>
    [Function(EphemeralDiskMiB = 64, MaxContainers = 2), Clustered(Size = 2)]
    public static async Task<string> Where(int milliseconds, CancellationToken cancellationToken)
    {
        var cluster = ClusterInfo.Current!;
        Console.WriteLine($"rank {cluster.Rank} of {cluster.Id}");
        await Task.Delay(milliseconds, cancellationToken);
        return $"{cluster.Rank} {cluster.Size} {cluster.Id}";
    }

    /// <summary>Throws in the container of that rank; the others go on until they are cancelled.</summary>
    [Function(MaxContainers = 2), Clustered(Size = 2)]
    public static async Task<int> Fail(int rank, int milliseconds, CancellationToken cancellationToken)
    {
        if (ClusterInfo.Current!.Rank == rank)
        {
            throw new InvalidOperationException($"rank {rank} cannot");
        }

        await Task.Delay(milliseconds, cancellationToken);
        return ClusterInfo.Current.Rank;
    }
}
