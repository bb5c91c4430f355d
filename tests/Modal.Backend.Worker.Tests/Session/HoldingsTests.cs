using Google.Protobuf;
using Modal.Backend.Worker.Containers;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Session;

public sealed class HoldingsTests : IOutbox
{
    private readonly Holdings _holdings = new();
    private readonly List<WorkerHoldings> _posted = [];

    bool IOutbox.IsFull => false;

    void IOutbox.Post(WorkerMessage message) => _posted.Add(message.Holdings);

    [Fact]
    public void Attach_NewSession_IsToldAllAndThenWhatChanges()
    {
        _holdings.Add("code:1");
        _holdings.Add("image:1");

        _holdings.Attach(this);
        _holdings.Add("code:1");
        _holdings.Add("snapshot:1");
        _holdings.Remove("image:1");
        _holdings.Remove("image:2");
        _holdings.Attach(null);
        _holdings.Add("code:2");

        Assert.Equal(["code:1", "image:1"], _posted[0].Added);
        Assert.Equal(["snapshot:1"], _posted[1].Added);
        Assert.Equal(["image:1"], _posted[2].Removed);
        Assert.Equal(3, _posted.Count);
    }

    [Fact]
    public void Add_TooMany_ForgetsTheOneThatWasUsedTheLongestAgo()
    {
        _holdings.Attach(this);
        for (var i = 0; i < 10_000; i++)
        {
            _holdings.Add($"code:{i}");
        }

        _holdings.Add("code:0");
        _holdings.Add("code:last");

        Assert.Equal((["code:last"], ["code:1"]), (_posted[^1].Added.ToArray(), _posted[^1].Removed.ToArray()), Compare);
    }

    [Fact]
    public async Task Start_OfAContainerWithASnapshot_ReportsCodeAndSnapshot()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        StartContainer? message = null;
        var container = worker.Run("Frozen", start =>
        {
            start.Function.IsService = true;
            start.Function.MemorySnapshot = true;
            start.Function.Methods[0] = "Test.Frozen.Describe";
            start.Function.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(TestContainer.Arguments(1)) };
            message = start;
        });
        await container.ReadyAsync();
        await worker.Snapshots.NextAsync();

        worker.Holdings.Attach(this);

        Assert.Equal([LocalKeys.Code(message!.Code.Digest), LocalKeys.Snapshot(message.Function, message.Code)], _posted[0].Added);
    }

    private static bool Compare((string[] Added, string[] Removed) a, (string[] Added, string[] Removed) b) => a.Added.SequenceEqual(b.Added) && a.Removed.SequenceEqual(b.Removed);
}
