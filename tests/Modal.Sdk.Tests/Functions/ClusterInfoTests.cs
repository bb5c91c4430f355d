using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Functions;

[Collection("client")]
public sealed class ClusterInfoTests
{
    [Fact]
    public void Read_InACluster_SaysWhichContainerThisIs()
    {
        var cluster = ClusterInfo.Read(Variables("cl-1", "2", "4"))!;

        Assert.Equal(("cl-1", 2, 4), (cluster.Id, cluster.Rank, cluster.Size));
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("", "0", "2")]
    [InlineData("cl-1", null, "2")]
    [InlineData("cl-1", "0", "many")]
    public void Read_OutsideACluster_IsNull(string? id, string? rank, string? size) => Assert.Null(ClusterInfo.Read(Variables(id, rank, size)));

    [Fact]
    public void Current_OnTheClient_IsNull() => Assert.Null(ClusterInfo.Current);

    [Fact]
    public async Task CallAsync_ClusteredFunctionAndService_TheServerIsToldTheSize()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        await new IntFunction().CallAsync(1, cancellationToken);
        await new ClusteredFunction().CallAsync(1, cancellationToken);
        await new CounterService().Next.CallAsync(1, cancellationToken);

        Assert.Equal([("Test.Square", 0), ("Test.Clustered", 4), ("Test.Counter", 2)], client.Server.Functions.Select(f => (f.Name, f.ClusterSize)));
    }

    private static Func<string, string?> Variables(string? id, string? rank, string? size) => name => name switch
    {
        "MODAL_CLUSTER_ID" => id,
        "MODAL_CLUSTER_RANK" => rank,
        "MODAL_CLUSTER_SIZE" => size,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "Nothing else is read."),
    };
}
