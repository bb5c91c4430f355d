using Modal.Backend.Runner.Execution;
using Modal.Backend.Runner.Output;
using Modal.Backend.Runner.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Runner.Tests.Output;

public sealed class OutputTests : IDisposable
{
    private readonly TestChannel _channel = new();

    [Fact]
    public async Task WriteLine_InsideAnInput_IsSentAtOnceUnderItsNumber()
    {
        var window = new OutputWindow(_channel.Outgoing, static () => { });
        await using var writer = new AttemptWriter(OutputSource.Stdout, window, _channel.Outgoing, static () => { });
        var executor = new Executor(TestFunction.Of(async c =>
        {
            writer.WriteLine("before");
            await Task.Yield();
            writer.WriteLine("after é");
        }), 1, _channel.Outgoing);
        writer.WriteLine("outside");
        executor.Enqueue([TestFunction.Input(7)]);

        executor.Drain();
        await _channel.WaitForResultsAsync(1);

        var lines = _channel.Frames.TakeWhile(f => f.Results?.Results.Any(r => r.Done) != true).Where(f => f.Output is not null).Select(f => (f.Output.Id, f.Output.Data.ToStringUtf8()));
        Assert.Equal([(0ul, "outside\n"), (7ul, "before\n"), (7ul, "after é\n")], lines);
    }

    [Fact]
    public async Task Write_PartOfALine_WakesTheWatchThatSendsIt()
    {
        var woken = 0;
        await using var writer = new AttemptWriter(OutputSource.Stderr, new OutputWindow(_channel.Outgoing, static () => { }), _channel.Outgoing, () => woken++);

        writer.Write("no end");

        Assert.Equal(1, woken);
        Assert.True(_channel.Outgoing.HasPending);
    }

    [Fact]
    public async Task Send_MoreThanTheWindow_WaitsForAcknowledgementsAndLosesNothing()
    {
        var handedOver = 0;
        var window = new OutputWindow(_channel.Outgoing, () => Interlocked.Increment(ref handedOver));
        const int Total = 3 * OutputWindow.SizeBytes;
        var sending = Task.Run(() => window.Send(OutputSource.Stdout, 1, new byte[Total]), TestContext.Current.CancellationToken);

        await _channel.WaitForAsync("a full window", frames => Sum(frames) == OutputWindow.SizeBytes);
        SpinWait.SpinUntil(() => Volatile.Read(ref handedOver) > 0, TimeSpan.FromSeconds(5));
        Assert.False(sending.IsCompleted);
        Assert.True(handedOver > 0);

        window.Acknowledge(OutputWindow.SizeBytes);
        await _channel.WaitForAsync("a second window", frames => Sum(frames) == 2 * OutputWindow.SizeBytes);
        window.Acknowledge(OutputWindow.SizeBytes);
        await sending;
        _channel.Outgoing.FlushNow();
        await _channel.WaitForAsync("all", frames => Sum(frames) == Total);
    }

    public void Dispose() => _channel.Dispose();

    private static long Sum(IReadOnlyList<RunnerFrame> frames) => frames.Sum(f => (long)(f.Output?.Data.Length ?? 0));
}
