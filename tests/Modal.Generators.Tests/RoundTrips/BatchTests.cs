using Modal.Generators.Tests.Fixtures;
using Modal.Generators.Tests.Harness;

namespace Modal.Generators.Tests.RoundTrips;

/// <summary>Batched methods: one call for many inputs, one result for each.</summary>
public sealed class BatchTests
{
    [Fact]
    public void Invoke_Array_IsCalledOnceAndGivesEachItsResult()
    {
        Batches.Sizes.Clear();

        Assert.Equal([1, 4, 9], Remotely.CallBatch(Batches.Remote.Squares, null, 1, 2, 3));
        Assert.Equal([3], Batches.Sizes);
    }

    [Fact]
    public void Invoke_ListsTasksAndTokens_GiveEachItsResult()
    {
        Assert.Equal(["A", null], Remotely.CallBatch(Batches.Remote.Upper, null, "a", null));
        Assert.Equal([[2, 1], []], Remotely.CallBatch(Batches.Remote.Reversed, null, [1, 2], []));
    }

    [Fact]
    public void Invoke_Service_RunsOnTheInstance() =>
        Assert.Equal([3.0, 6.0], Remotely.CallBatch(Scorer.Remote.Create(3).Score, new Scorer(3), 1.0, 2.0));

    [Fact]
    public void Invoke_AnotherNumberOfResults_SaysHowMany()
    {
        var fewer = Assert.Throws<InvalidOperationException>(() => Remotely.CallBatch(Batches.Remote.OneLess, null, 1, 2, 3));
        var none = Assert.Throws<InvalidOperationException>(() => Remotely.CallBatch(Batches.Remote.Null, null, 1));

        Assert.Equal(
            "'Modal.Generators.Tests.Fixtures.Batches.OneLess' was given 3 inputs and returned 2 results. A [Batched] method must return one result for each element of its parameter, in the same order.",
            fewer.Message);
        Assert.StartsWith("'Modal.Generators.Tests.Fixtures.Batches.Null' was given 1 input and returned null.", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Local_Batched_TakesTheWholeList() => Assert.Equal([1, 4], Batches.Remote.Squares.Local([1, 2]));

    [Fact]
    public void Registration_Batched_HasItsSettings()
    {
        var squares = Remotely.Find(Batches.Remote.Squares.Name);
        var score = Remotely.Find(Scorer.Remote.Create(1).Score.Name);

        Assert.Equal((8, 50, 1), (squares.BatchMaxSize, squares.BatchWaitMs, squares.Options.Retries));
        Assert.Equal((16, 5), (score.BatchMaxSize, score.BatchWaitMs));
    }
}
