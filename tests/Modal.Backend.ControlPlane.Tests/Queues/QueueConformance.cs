using Dapper;
using Google.Protobuf;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Queues;
using Modal.Backend.ControlPlane.Tests.Names;
using Modal.Backend.ControlPlane.Tests.Persistence;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Queues;

/// <summary>Queues in every database.</summary>
public abstract class QueueConformance : NamesTestBase
{
    private string _id = "";
    private int _requests;
    private QueueCore? _core;

    private QueueCore Core => _core ??= new QueueCore(_id, Database, Time);

    private NamedObjects Named => QueueService.Names(Database, Environments, Time);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _id = await Named.OpenAsync("", "jobs", create: true);
    }

    public override ValueTask DisposeAsync()
    {
        _core?.Dispose();
        GC.SuppressFinalize(this);
        return base.DisposeAsync();
    }

    [Fact]
    public async Task Get_AfterPuts_TakesTheOldestFirst()
    {
        Assert.Equal(["2", "1"], await RunAsync(Put("", "a", "b"), Put("", "c")));

        Assert.Equal(["[a]", "2", "[b c]", "[]"], await RunAsync(Get("", 1), Length(""), Get("", 10), Get("", 1)));
    }

    [Fact]
    public async Task Put_OtherPartition_IsApart()
    {
        await RunAsync(Put("", "a"), Put("x", "b", "c"));

        Assert.Equal(["1", "2", "3", "[b c]"], await RunAsync(Length(""), Length("x"), new QueueOperation { Length = new QueueLength { All = true } }, Get("x", 5)));
    }

    [Fact]
    public async Task Put_Acknowledged_IsThereAfterARestart()
    {
        await RunAsync(Put("", "a", "b"));
        await RunAsync(Get("", 1));
        await RestartAsync();

        Assert.Equal(["1", "[b]"], await RunAsync(Length(""), Get("", 5)));
    }

    [Fact]
    public async Task Put_TooManyForThePartition_PutsNone()
    {
        await RunAsync(Put("", [.. Enumerable.Range(0, 4_999).Select(i => $"{i}")]));

        Assert.Equal(
            ["error 8: The partition '' has 4999 items, so 2 more do not fit: at most 5000 are allowed.", "1", "5000"], await RunAsync(Put("", "x", "y"), Put("", "z"), Length("")));
    }

    [Fact]
    public async Task Put_OutOfBounds_IsRefused()
    {
        var large = new QueueOperation { Put = new QueuePut { Items = { ByteString.CopyFrom(new byte[1024 * 1024 + 1]) } } };

        Assert.Equal(
            [
                "error 3: An item has 1048577 bytes when it is encoded; at most 1048576 are allowed. Keep large data in a volume and put its path.",
                $"error 3: The partition '{new string('é', 33)}' has a name of more than 64 bytes.",
                "error 3: 0 items are asked for; 1 to 1000 are allowed.",
            ],
            await RunAsync(large, Put(new string('é', 33), "a"), Get("", 0)));
    }

    [Fact]
    public async Task Execute_SentAgain_PutsOnceAndGivesTheSameItems()
    {
        var put = Batch("put", Put("", "a", "b", "c"));
        var get = Batch("get", Get("", 2));
        await ExecuteAsync(put);
        var first = await ExecuteAsync(get);
        (put.IsRepeated, get.IsRepeated) = (true, true);
        await RestartAsync();

        Assert.Equal(["3"], Describe(await ExecuteAsync(put)));
        Assert.Equal(first, await ExecuteAsync(get));
        Assert.Equal(["1"], await RunAsync(Length("")));
    }

    [Fact]
    public async Task Execute_AnswerHasArrived_IsForgotten()
    {
        await ExecuteAsync(Batch("put", Put("", "a")));
        Assert.Equal(1, await CountAsync("answered_requests"));

        await Core.ExecuteAsync("", "main", new QueueBatch { QueueId = _id, RequestId = "next", FinishedRequestIds = { "put" }, Operations = { Length("") } });

        Assert.Equal(0, await CountAsync("answered_requests"));
    }

    [Fact]
    public async Task Get_Waiting_IsWokenByAPut()
    {
        var first = Core.ExecuteAsync("1", "main", Batch("r1", Wait("", 1)));
        var second = Core.ExecuteAsync("2", "main", Batch("r2", Wait("", 5)));
        var other = Core.ExecuteAsync("3", "main", Batch("r3", Wait("other", 1)));
        await RunAsync(Put("", "a", "b", "c"));

        Assert.Equal(["[a]"], Describe((await first).Reply));
        Assert.Equal(["[b c]"], Describe((await second).Reply));
        Assert.False(other.IsCompleted);
    }

    [Fact]
    public async Task Get_WaitIsOver_GivesNothing()
    {
        var waiting = Core.ExecuteAsync("1", "main", Batch("r1", Wait("", 1)));
        await RunAsync(Length(""));
        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(waiting.IsCompleted);
        Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["[]"], Describe((await waiting).Reply));
        await RunAsync(Put("", "a"));
        Assert.Equal(["[a]"], await RunAsync(Get("", 1)));
    }

    [Fact]
    public async Task Cancel_Waiting_LeavesTheItemToOthers()
    {
        var waiting = Core.ExecuteAsync("1", "main", Batch("r1", Wait("", 1)));
        await RunAsync(Length(""));
        Core.Cancel("1");
        await RunAsync(Put("", "a"));

        Assert.Equal(["[]"], Describe((await waiting).Reply));
        Assert.Equal(["[a]"], await RunAsync(Get("", 1)));
    }

    [Fact]
    public async Task Get_WaitingAndSentAgain_GoesToTheLaterArrival()
    {
        var lost = Core.ExecuteAsync("1", "main", Batch("r1", Wait("", 1)));
        var again = Batch("r1", Wait("", 1));
        again.IsRepeated = true;
        var later = Core.ExecuteAsync("2", "main", again);
        await RunAsync(Length(""));
        Core.Cancel("1");
        await RunAsync(Put("", "a"));

        Assert.Equal(["[a]"], Describe((await later).Reply));
        Assert.Equal(["0"], await RunAsync(Length("")));
        await Assert.ThrowsAsync<OperationCanceledException>(() => lost);
    }

    [Fact]
    public async Task Partition_TimeIsOver_IsCleared()
    {
        await RunAsync(Put("", "a"), new QueueOperation { Put = new QueuePut { Partition = "short", PartitionTtlMs = 10, Items = { ByteString.CopyFromUtf8("b") } } });
        Time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(["1"], await RunAsync(Length("short")));
        Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["0", "[]", "1"], await RunAsync(Length("short"), Get("short", 1), Length("")));
        Time.Advance(TimeSpan.FromHours(24));
        Assert.Equal(["[]"], await RunAsync(Get("", 1)));
        Assert.Equal((0, 0), (await CountAsync("queue_items"), await CountAsync("queue_partitions")));
    }

    [Fact]
    public async Task Partition_TimeIsOverAndNobodyUsesTheQueue_IsRemovedAllTheSame()
    {
        await RunAsync(Put("", "a"));
        Time.Advance(TimeSpan.FromHours(26));
        await Upkeep().RemoveExpiredAsync();

        Assert.Equal((0, 0, 0), (await CountAsync("queue_items"), await CountAsync("queue_partitions"), await CountAsync("answered_requests")));
    }

    [Fact]
    public async Task Clear_OneOrAll_SaysHowMany()
    {
        await RunAsync(Put("", "a", "b"), Put("x", "c"), Put("y", "d"));

        Assert.Equal(["1", "2", "3", "0", "1", "[e]"], await RunAsync(
            new QueueOperation { Clear = new QueueClear { Partition = "x" } }, Length(""), new QueueOperation { Clear = new QueueClear { All = true } }, Length(""), Put("", "e"), Get("", 1)));
    }

    [Fact]
    public async Task Execute_NoSuchQueue_HasNoReply()
    {
        using var core = new QueueCore(Id.New(Id.Queue), Database, Time);

        Assert.Null((await core.ExecuteAsync("", "main", Batch("r", Put("", "a")))).Reply);
        Assert.Null((await Core.ExecuteAsync("", "dev", Batch("r", Put("", "a")))).Reply);
    }

    [Fact]
    public async Task Forget_Deleted_EndsThoseWhoWait()
    {
        var waiting = Core.ExecuteAsync("1", "main", Batch("r1", Wait("", 1)));
        await RunAsync(Put("x", "a"));
        await Named.DeleteAsync("", "jobs", "");
        Core.Forget();

        Assert.Null((await waiting).Reply);
        Assert.Equal(0, await CountAsync("queue_items"));
    }

    [Fact]
    public async Task Execute_DatabaseFails_NothingChangesAndTheQueueGoesOn()
    {
        await RunAsync(Put("", "a"));
        await Database.WriteAsync(static c => c.ExecuteAsync("ALTER TABLE queue_items RENAME TO hidden_items"));
        await Assert.ThrowsAsync<Modal.Backend.ControlPlane.Persistence.DatabaseException>(() => RunAsync(Put("", "b")));
        await Database.WriteAsync(static c => c.ExecuteAsync("ALTER TABLE hidden_items RENAME TO queue_items"));

        Assert.Equal(["1", "[a c]"], await RunAsync(Put("", "c"), Get("", 5)));
    }

    [Fact]
    public async Task Execute_ManyAtOnce_EachItemIsGivenOnce()
    {
        var puts = Enumerable.Range(0, 400).Select(i => RunAsync(Put("", $"{i}")));
        var gets = Enumerable.Range(0, 400).Select(async i => Describe((await Core.ExecuteAsync($"{i}", "main", Batch($"get {i}", Wait("", 1)))).Reply).Single());
        var given = gets.ToArray();
        await Task.WhenAll(puts);

        Assert.Equal(Enumerable.Range(0, 400).Select(i => $"[{i}]").Order(StringComparer.Ordinal), (await Task.WhenAll(given)).Order(StringComparer.Ordinal));
    }

    private static QueueOperation Put(string partition, params string[] items) => new() { Put = new QueuePut { Partition = partition, Items = { items.Select(ByteString.CopyFromUtf8) } } };

    private static QueueOperation Get(string partition, int count) => new() { Get = new QueueGet { Partition = partition, Count = count } };

    private static QueueOperation Wait(string partition, int count) => new() { Get = new QueueGet { Partition = partition, Count = count, WaitMs = 10_000 } };

    private static QueueOperation Length(string partition) => new() { Length = new QueueLength { Partition = partition } };

    private static string[] Describe(QueueBatchReply? reply) =>
        [.. reply!.Results.Select(static r => r.ResultCase switch
        {
            QueueResult.ResultOneofCase.Items => $"[{string.Join(' ', r.Items.Items.Select(static i => i.ToStringUtf8()))}]",
            QueueResult.ResultOneofCase.Length => $"{r.Length}",
            _ => $"error {r.Error.Code}: {r.Error.Message}",
        })];

    private QueueBatch Batch(string request, params QueueOperation[] operations) => new() { QueueId = _id, RequestId = request, Operations = { operations } };

    private async Task<QueueBatchReply?> ExecuteAsync(QueueBatch batch) => (await Core.ExecuteAsync("", "main", batch)).Reply;

    private async Task<string[]> RunAsync(params QueueOperation[] operations) => Describe(await ExecuteAsync(Batch($"request {Interlocked.Increment(ref _requests)}", operations)));

    private async Task RestartAsync()
    {
        Core.Dispose();
        _core = null;
        await ReopenAsync();
    }
}

public sealed class SqliteQueueTests : QueueConformance
{
    protected override Task<string> CreateAsync() => Task.FromResult($"sqlite:{Folder}/server.db");
}

public sealed class PostgresQueueTests(PostgresServer server) : QueueConformance, IClassFixture<PostgresServer>
{
    protected override Task<string> CreateAsync() => server.CreateAsync();
}
