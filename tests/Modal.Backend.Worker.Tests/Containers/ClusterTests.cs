using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What a container of a cluster is told of it.</summary>
public sealed class ClusterTests
{
    public static TheoryData<SandboxKind> Kinds => [SandboxKind.GVisor, SandboxKind.Process];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Start_InACluster_CodeFindsItInTheEnvironment(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);

        var alone = worker.Run("Variable");
        var member = worker.Run("Variable", s => (s.ClusterId, s.ClusterRank, s.ClusterSize) = ("cl-1", 3, 4));

        Assert.Equal(["cl-1", "3", "4"], await VariablesAsync(member));
        Assert.Equal(["", "", ""], await VariablesAsync(alone));
    }

    [Fact]
    public async Task Start_FromTheSnapshotOfAnotherRank_CodeFindsItsOwn()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var first = Run(worker, "cl-1", 0);
        Assert.Equal(["cl-1", "0", "2"], await VariablesAsync(first));
        Assert.StartsWith("Stored the snapshot", await worker.Snapshots.NextAsync("Test.Variable"), StringComparison.Ordinal);

        var second = Run(worker, "cl-2", 1);

        Assert.Equal(["cl-2", "1", "2"], await VariablesAsync(second));
        Assert.Equal(ContainerStart.Snapshot, (await second.ReadyAsync()).Start);
    }

    [Fact]
    public async Task Start_FunctionIsNoLongerClustered_DoesNotUseTheSnapshotOfACluster()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        await Run(worker, "cl-1", 0).ReadyAsync();
        Assert.StartsWith("Stored the snapshot", await worker.Snapshots.NextAsync("Test.Variable"), StringComparison.Ordinal);

        var alone = worker.Run("Variable", s => s.Function.MemorySnapshot = true);

        Assert.Equal(["", "", ""], await VariablesAsync(alone));
    }

    private static TestContainer Run(TestWorker worker, string cluster, int rank) => worker.Run("Variable", s =>
    {
        (s.ClusterId, s.ClusterRank, s.ClusterSize) = (cluster, rank, 2);
        (s.Function.MemorySnapshot, s.Function.ClusterSize) = (true, 2);
    });

    private static async Task<string[]> VariablesAsync(TestContainer container)
    {
        var values = new List<string>();
        foreach (var name in (string[])["MODAL_CLUSTER_ID", "MODAL_CLUSTER_RANK", "MODAL_CLUSTER_SIZE"])
        {
            values.Add(new PayloadReader((await container.CallAsync(TestContainer.Arguments(name))).Value.Inline.Span).ReadRequiredString());
        }

        return [.. values];
    }
}
