using Modal.Protocol;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Functions;

[Collection("client")]
public sealed class MapTests
{
    private static readonly IntFunction s_square = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Map_TenThousandInputs_GivesAllInOrder()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var results = await s_square.Map(Enumerable.Range(0, 10_000), Limit).ToListAsync(Limit);

        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => i * i), results);
    }

    [Fact]
    public async Task Map_ResultsOutOfOrder_GivesThemInOrder()
    {
        var held = new List<int>();
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = input => Reverse(input, held, 5) });

        var results = await s_square.Map(Enumerable.Range(0, 5), Limit).ToListAsync(Limit);

        Assert.Equal([0, 1, 4, 9, 16], results);
    }

    [Fact]
    public async Task MapUnordered_ManyInputs_GivesEachOnce()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var results = await s_square.MapUnordered(Enumerable.Range(0, 500), Limit).ToListAsync(Limit);

        Assert.Equal(Enumerable.Range(0, 500).Select(i => i * i), results.Order());
    }

    [Fact]
    public async Task Map_EmptyInput_EndsWithoutSending()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var results = await s_square.Map([], Limit).ToListAsync(Limit);

        Assert.Empty(results);
        Assert.Empty(client.Server.Inputs);
    }

    [Fact]
    public async Task Map_IteratorThrows_ReachesTheCaller()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<InvalidTimeZoneException>(async () => await s_square.Map(Broken(), Limit).ToListAsync(Limit));

        Assert.Equal("from the iterator", error.Message);
    }

    [Fact]
    public async Task Map_OneInputFails_ThrowsAtItsPlaceAndCancelsTheRest()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer
        {
            Answer = input => Answers.Int(input) == 3 ? [Answers.Thrown("System.FormatException", "three is bad")] : Answers.Square(input),
        });
        var seen = new List<int>();

        var error = await Assert.ThrowsAsync<RemoteException>(async () =>
        {
            await foreach (var y in s_square.Map(Endless(), Limit))
            {
                seen.Add(y);
            }
        });

        Assert.Equal([0, 1, 4], seen);
        Assert.Equal("System.FormatException", error.RemoteType);
        Assert.Contains("/src/Jobs.cs:line 12", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(0UL, (await client.Server.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(20), Limit)).Indexes.Aggregate(0UL, (a, b) => a + b));
    }

    [Fact]
    public async Task Map_ReturnExceptions_GivesFailuresInPlace()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer
        {
            Answer = input => Answers.Int(input) == 2 ? [Answers.Thrown("System.FormatException", "two is bad")] : Answers.Square(input),
        });

        var outcomes = await s_square.Map(Enumerable.Range(0, 4), returnExceptions: true, Limit).ToListAsync(Limit);

        Assert.Equal([true, true, false, true], outcomes.Select(o => o.IsSuccess));
        Assert.Equal("two is bad", Assert.IsType<RemoteException>(outcomes[2].Exception).Message);
        Assert.Equal(9, outcomes[3].Value);
        Assert.Throws<RemoteException>(() => outcomes[2].Value);
    }

    [Fact]
    public async Task Map_ConsumerStopsEarly_PullsNoMoreThanTheWindow()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        var pulled = 0;

        var first = await s_square.Map(Counting(() => pulled++), Limit).Take(3).ToListAsync(Limit);

        Assert.Equal([0, 1, 4], first);
        Assert.InRange(pulled, 3, 1004);
    }

    [Fact]
    public async Task Map_ConnectionBreaks_ResendsUnderTheSameNumbersAndGivesEachResultOnce()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square, BreakAfterInputs = 40 });

        var results = await s_square.Map(Enumerable.Range(0, 200), Limit).ToListAsync(Limit);

        Assert.Equal(Enumerable.Range(0, 200).Select(i => i * i), results);
        Assert.Equal(2, client.Server.Streams.Count);
        Assert.Single(client.Server.Streams.Select(s => s.StreamId).Distinct());
        Assert.All(client.Server.Inputs, i => Assert.Equal((ulong)Answers.Int(i), i.Index));
    }

    [Fact]
    public async Task Map_Cancelled_ThrowsAndCancelsRemoteWork()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = _ => [] });
        using var cancel = new CancellationTokenSource();
        var map = s_square.Map(Enumerable.Range(0, 10), cancel.Token).ToListAsync(Limit).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map);
    }

    [Fact]
    public async Task ForEachAsync_ManyInputs_RunsEach()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        await s_square.ForEachAsync(Enumerable.Range(0, 50), Limit);

        Assert.Equal(50, client.Server.Inputs.Count);
    }

    [Fact]
    public async Task Map_AsyncEnumerable_GivesAllInOrder()
    {
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var results = await s_square.Map(Enumerable.Range(0, 20).ToAsyncEnumerable(), Limit).ToListAsync(Limit);

        Assert.Equal(Enumerable.Range(0, 20).Select(i => i * i), results);
    }

    private static IEnumerable<CallResult> Reverse(Input input, List<int> held, int count)
    {
        held.Add(Answers.Int(input));
        return held.Count < count
            ? []
            : held.AsEnumerable().Reverse().Select(x => new CallResult { Call = input.Call, Index = (ulong)x, Value = Answers.Encode(x * x) });
    }

    private static IEnumerable<int> Broken()
    {
        yield return 1;
        throw new InvalidTimeZoneException("from the iterator");
    }

    private static IEnumerable<int> Endless()
    {
        for (var i = 0; ; i++)
        {
            yield return i;
        }
    }

    private static IEnumerable<int> Counting(Action onPull)
    {
        foreach (var i in Endless())
        {
            onPull();
            yield return i % 40_000;
        }
    }
}
