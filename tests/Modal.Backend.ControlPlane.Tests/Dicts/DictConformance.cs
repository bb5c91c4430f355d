using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.ControlPlane.Dicts;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Tests.Names;
using Modal.Backend.ControlPlane.Tests.Persistence;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Dicts;

/// <summary>Dicts in every database.</summary>
public abstract class DictConformance : NamesTestBase
{
    private string _id = "";
    private int _requests;

    private DictStore Store => new(Database, Time);

    private NamedObjects Named => DictService.Names(Database, Environments, Time);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _id = await Named.OpenAsync("", "cache", create: true);
    }

    [Fact]
    public async Task Get_AfterPut_HasTheValue()
    {
        var results = await RunAsync(Put("a", "1"), Get("a"), Get("b"), Contains("a"), Contains("b"), new DictOperation { Length = new DictLength() });

        Assert.Equal(["found True", "1", "found False", "found True", "found False", "length 1"], results);
        Assert.Equal(["1", "found False"], await RunAsync(Get("a"), Get("b")));
    }

    [Fact]
    public async Task Put_IfNotExists_LeavesWhatIsThere()
    {
        Assert.Equal(["found True"], await RunAsync(Put("a", "1", ifNotExists: true)));
        Assert.Equal(["found False", "1"], await RunAsync(Put("a", "2", ifNotExists: true), Get("a")));
        Assert.Equal(["found True", "3"], await RunAsync(Put("a", "3"), Get("a")));
    }

    [Fact]
    public async Task Pop_There_TakesItOutOnce()
    {
        Assert.Equal(["found True", "1", "found False"], await RunAsync(Put("a", "1"), Pop("a"), Pop("a")));
    }

    [Fact]
    public async Task Execute_SentAgain_AnswersAsBefore()
    {
        await RunAsync(Put("a", "1"));
        var pop = new DictBatch { DictId = _id, RequestId = "r", Operations = { Pop("a") } };
        var first = await Store.ExecuteAsync("main", pop);
        pop.IsRepeated = true;
        await ReopenAsync();

        Assert.Equal(first, await Store.ExecuteAsync("main", pop));

        await Store.ExecuteAsync("main", new DictBatch { DictId = _id, RequestId = "r2", FinishedRequestIds = { "r" }, Operations = { Put("b", "2") } });
        Assert.Equal(["found False"], (await Store.ExecuteAsync("main", pop))!.Results.Select(Describe));
    }

    [Fact]
    public async Task Execute_OneIsRefused_OthersAreDone()
    {
        var results = await RunAsync(Put("a", "1"), Put(new string('k', 2_001), "1"), Put("", "1"), Put("b", "2"));

        Assert.Equal(["found True", "error 3: A key has 2001 bytes when it is encoded; it must have 1 to 2000.", "error 3: A key has 0 bytes when it is encoded; it must have 1 to 2000.", "found True"], results);
    }

    [Fact]
    public async Task Put_Large_IsRefusedWithAdvice()
    {
        var put = new DictOperation { Put = new DictPut { Entries = { new DictEntry { Key = Bytes("a"), Value = ByteString.CopyFrom(new byte[16 * 1024 * 1024 + 1]) } } } };

        Assert.Equal(["error 3: A value has 16777217 bytes when it is encoded; at most 16777216 are allowed. Keep large data in a volume and its path in the dict."], await RunAsync(put));
    }

    [Fact]
    public async Task Entry_SevenDaysUnused_IsGoneAndAReadKeepsIt()
    {
        await RunAsync(Put("read", "1"), Put("unread", "2"), Put("contained", "3"));
        Time.Advance(TimeSpan.FromDays(4));
        await RunAsync(Get("read"));
        await RunAsync(Contains("contained"));
        Time.Advance(TimeSpan.FromDays(3));

        Assert.Equal(["1", "found False", "found False", "length 1"], await RunAsync(Get("read"), Get("unread"), Contains("contained"), new DictOperation { Length = new DictLength() }));
        Assert.Equal(["found True"], await RunAsync(Put("unread", "again", ifNotExists: true)));
        Assert.Equal(3, await CountAsync("dict_entries"));
        await Upkeep().RemoveExpiredAsync();
        Assert.Equal(2, await CountAsync("dict_entries"));
    }

    [Fact]
    public async Task Iterate_ManyEntries_PagesInOrder()
    {
        for (var i = 0; i < 3; i++)
        {
            await RunAsync(new DictOperation { Put = new DictPut { Entries = { Enumerable.Range(i * 500, 500).Select(n => new DictEntry { Key = Bytes($"{n:D5}"), Value = Bytes($"v{n}") }) } } });
        }

        var first = await Store.IterateAsync("main", new IterateDictRequest { DictId = _id });
        var second = await Store.IterateAsync("main", new IterateDictRequest { DictId = _id, AfterKey = first!.Entries[^1].Key, KeysOnly = true });

        Assert.Equal((1000, true, 500, false), (first.Entries.Count, first.HasMore, second!.Entries.Count, second.HasMore));
        Assert.Equal(Enumerable.Range(0, 1500).Select(n => $"{n:D5}"), first.Entries.Concat(second.Entries).Select(e => e.Key.ToStringUtf8()));
        Assert.Equal(("v999", ""), (first.Entries[^1].Value.ToStringUtf8(), second.Entries[0].Value.ToStringUtf8()));
    }

    [Fact]
    public async Task Clear_Always_RemovesAll()
    {
        Assert.Equal(["found True", "length 1", "found False"], await RunAsync(Put("a", "1"), new DictOperation { Clear = new DictClear() }, Get("a")));
    }

    [Fact]
    public async Task Open_SameName_IsTheSameInItsEnvironment()
    {
        Assert.Equal(_id, await Named.OpenAsync("main", "cache", create: false));
        Assert.NotEqual(_id, await Named.OpenAsync("dev", "cache", create: true));
        Assert.Null(await Store.ExecuteAsync("dev", new DictBatch { DictId = _id, RequestId = "r", Operations = { Get("a") } }));
        Assert.Equal(["cache"], (await Named.ListAsync("main")).Select(o => o.Name));
        var error = await Assert.ThrowsAsync<RpcException>(() => Named.OpenAsync("", "other", create: false));
        Assert.Equal((StatusCode.NotFound, "There is no dict 'other' in the environment 'main'."), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Delete_There_TakesItsEntriesAlong()
    {
        await RunAsync(Put("a", "1"));
        Assert.Equal(_id, await Named.DeleteAsync("", "cache", ""));

        Assert.Equal(0, await CountAsync("dict_entries"));
        Assert.Null(await Store.ExecuteAsync("main", new DictBatch { DictId = _id, RequestId = "x", Operations = { Put("a", "1") } }));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => Named.DeleteAsync("", "cache", ""))).StatusCode);
    }

    [Fact]
    public async Task Delete_EnvironmentThatHasADict_IsRefusedUntilItIsEmpty()
    {
        await Named.OpenAsync("dev", "cache", create: true);

        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => Environments.DeleteAsync("dev"))).StatusCode);
        await Named.DeleteAsync("dev", "cache", "");
        await Environments.DeleteAsync("dev");
        Assert.Equal(["main"], await Environments.ListAsync());
    }

    [Fact]
    public async Task Ephemeral_NotKeptAlive_IsRemoved()
    {
        var (kept, left) = (await Named.OpenAsync("", "", create: true), await Named.OpenAsync("", "", create: true));
        Time.Advance(TimeSpan.FromSeconds(200));
        await Named.KeepAliveAsync("", kept);
        Time.Advance(TimeSpan.FromSeconds(200));
        await Upkeep().RemoveExpiredAsync();

        await Named.KeepAliveAsync("", kept);
        await Assert.ThrowsAsync<RpcException>(() => Named.KeepAliveAsync("", left));
        Assert.Equal(2, await CountAsync("dicts"));
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private static DictOperation Get(string key) => new() { Get = Bytes(key) };

    private static DictOperation Pop(string key) => new() { Pop = Bytes(key) };

    private static DictOperation Contains(string key) => new() { Contains = Bytes(key) };

    private static DictOperation Put(string key, string value, bool ifNotExists = false) =>
        new() { Put = new DictPut { Entries = { new DictEntry { Key = Bytes(key), Value = Bytes(value) } }, IfNotExists = ifNotExists } };

    private static string Describe(DictResult result) => result.ResultCase switch
    {
        DictResult.ResultOneofCase.Value => result.Value.ToStringUtf8(),
        DictResult.ResultOneofCase.Found => $"found {result.Found}",
        DictResult.ResultOneofCase.Length => $"length {result.Length}",
        _ => $"error {result.Error.Code}: {result.Error.Message}",
    };

    private async Task<IEnumerable<string>> RunAsync(params DictOperation[] operations) =>
        (await Store.ExecuteAsync("main", new DictBatch { DictId = _id, RequestId = $"request {_requests++}", Operations = { operations } }))!.Results.Select(Describe);
}

public sealed class SqliteDictTests : DictConformance
{
    protected override Task<string> CreateAsync() => Task.FromResult($"sqlite:{Folder}/server.db");
}

public sealed class PostgresDictTests(PostgresServer server) : DictConformance, IClassFixture<PostgresServer>
{
    protected override Task<string> CreateAsync() => server.CreateAsync();
}
