using System.Globalization;

namespace Modal;

/// <summary>Which container of its cluster the code runs in, where the function is marked <c>[Clustered]</c>. For any thread.</summary>
/// <remarks>Containers have no network yet, so the members of a cluster cannot reach each other. Programs that the code starts find the same in their environment: <c>MODAL_CLUSTER_ID</c>, <c>MODAL_CLUSTER_RANK</c>, <c>MODAL_CLUSTER_SIZE</c>.</remarks>
public sealed record ClusterInfo
{
    internal const string IdVariable = "MODAL_CLUSTER_ID";
    internal const string RankVariable = "MODAL_CLUSTER_RANK";
    internal const string SizeVariable = "MODAL_CLUSTER_SIZE";

    private ClusterInfo(string id, int rank, int size) => (Id, Rank, Size) = (id, rank, size);

    /// <summary>
    /// The cluster that this process belongs to; null outside a cluster, such as on the client. Read each time: in an <c>[Enter(Snapshot = true)]</c> method, and in static initializers of a function with
    /// <c>MemorySnapshot</c>, it is of the container from which the snapshot is taken, and differs in those that start from it.
    /// </summary>
    public static ClusterInfo? Current => Read(Environment.GetEnvironmentVariable);

    /// <summary>The same in all containers of the cluster, and in no other: <c>cl-…</c>.</summary>
    public string Id { get; }

    /// <summary>The container's number in the cluster, from 0 to <see cref="Size"/> - 1. What rank 0 returns is the result.</summary>
    public int Rank { get; }

    /// <summary>Containers of the cluster, 2 to 64.</summary>
    public int Size { get; }

    internal static ClusterInfo? Read(Func<string, string?> variable) =>
        variable(IdVariable) is { Length: > 0 } id
            && int.TryParse(variable(RankVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var rank)
            && int.TryParse(variable(SizeVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? new ClusterInfo(id, rank, size)
            : null;
}
