using Modal.Connections;
using Xunit;

namespace Modal.Sdk.Tests.Connections;

public sealed class OperationBatcherTests
{
    private readonly List<(int[] Operations, TaskCompletionSource<IReadOnlyList<int>> Answer)> _sent = [];

    [Fact]
    public async Task RunAsync_TwoUnderWay_TheRestGoTogether()
    {
        var batcher = new OperationBatcher<int, int>(Send, static _ => 1);
        var results = Enumerable.Range(0, 5).Select(batcher.RunAsync).ToList();

        Assert.Equal(["0", "1"], Sent());
        Answer(1);
        Assert.Equal(1, await results[1]);
        Assert.Equal(["0", "1", "2 3 4"], Sent());
        Answer(2);
        Answer(0);
        Assert.Equal("0 1 4 9 16", string.Join(' ', await Task.WhenAll(results)));
    }

    [Fact]
    public async Task RunAsync_LargeOperations_GoInSeveral()
    {
        var batcher = new OperationBatcher<int, int>(Send, static _ => 5 * 1024 * 1024);
        var results = Enumerable.Range(0, 4).Select(batcher.RunAsync).ToList();
        Answer(0);
        Answer(1);

        Assert.Equal(["0", "1", "2", "3"], Sent());
        Answer(2);
        Answer(3);
        Assert.Equal("0 1 4 9", string.Join(' ', await Task.WhenAll(results)));
    }

    [Fact]
    public async Task RunAsync_RequestFails_FailsItsOperationsOnly()
    {
        var batcher = new OperationBatcher<int, int>(Send, static _ => 1);
        var results = Enumerable.Range(0, 2).Select(batcher.RunAsync).ToList();
        _sent[0].Answer.SetException(new TimeoutException());
        Answer(1);

        await Assert.ThrowsAsync<TimeoutException>(() => results[0]);
        Assert.Equal(1, await results[1]);
        var next = batcher.RunAsync(7);
        Answer(2);
        Assert.Equal(49, await next);
    }

    private IEnumerable<string> Sent() => _sent.Select(s => string.Join(' ', s.Operations));

    private void Answer(int request) => _sent[request].Answer.SetResult([.. _sent[request].Operations.Select(o => o * o)]);

    // Answers run what waits for them at once: what is sent next is sent when the answer is given.
    private Task<IReadOnlyList<int>> Send(IReadOnlyList<int> operations)
    {
        var answer = new TaskCompletionSource<IReadOnlyList<int>>();
        _sent.Add(([.. operations], answer));
        return answer.Task;
    }
}
