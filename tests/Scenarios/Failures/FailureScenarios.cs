using Modal.ScenarioApp;
using Xunit;

namespace Modal.Scenarios.Failures;

/// <summary>Each way in which user code goes wrong gives an error that names it, and the next input works.</summary>
public sealed class FailureScenarios
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Throw_CallerSeesTypeMessageInnerAndLine()
    {
        var error = await Assert.ThrowsAsync<RemoteException>(() => Trouble.Remote.Throw.CallAsync(-1, Limit));

        Assert.Equal("System.InvalidOperationException", error.RemoteType);
        Assert.Equal("it went wrong", error.Message);
        Assert.Contains("Trouble.cs:line", error.RemoteStackTrace, StringComparison.Ordinal);
        Assert.Equal("System.FormatException", Assert.Single(error.InnerExceptions).RemoteType);
        Assert.Equal(5, await Trouble.Remote.Throw.CallAsync(5, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Exit_CallerSeesTheExitCode()
    {
        var error = await Assert.ThrowsAsync<ContainerFailureException>(() => Trouble.Remote.Exit.CallAsync(-3, Limit));

        Assert.Equal((ContainerFailureReason.Exited, 3), (error.Reason, error.ExitCode));
        Assert.Equal(5, await Trouble.Remote.Exit.CallAsync(5, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task FailFast_CallerSeesACrash()
    {
        var error = await Assert.ThrowsAsync<ContainerFailureException>(() => Trouble.Remote.FailFast.CallAsync(-1, Limit));

        Assert.Equal(ContainerFailureReason.Crashed, error.Reason);
        Assert.Contains("on purpose", error.ErrorOutput, StringComparison.Ordinal);
        Assert.Equal(5, await Trouble.Remote.FailFast.CallAsync(5, Limit));
    }

    [Fact(Timeout = 90_000)]
    public async Task StackOverflow_CallerSeesIt()
    {
        var error = await Assert.ThrowsAsync<ContainerFailureException>(() => Trouble.Remote.Overflow.CallAsync(-1, Limit));

        Assert.Equal(ContainerFailureReason.StackOverflow, error.Reason);
        Assert.Equal(5, await Trouble.Remote.Overflow.CallAsync(5, Limit));
    }

    [Fact(Timeout = 90_000)]
    public async Task AllocateWithoutEnd_CallerSeesOutOfMemory()
    {
        var error = await Assert.ThrowsAsync<ContainerFailureException>(() => Trouble.Remote.Allocate.CallAsync(-1, Limit));

        Assert.Equal(ContainerFailureReason.OutOfMemory, error.Reason);
        Assert.Equal(5, await Trouble.Remote.Allocate.CallAsync(5, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task SleepPastTimeout_CallerSeesTheTimeout()
    {
        var error = await Assert.ThrowsAsync<FunctionTimeoutException>(() => Trouble.Remote.Sleep.CallAsync(-1, Limit));

        Assert.Contains("1 s", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, await Trouble.Remote.Sleep.CallAsync(5, Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Print100Megabytes_AllArrivesAndTheNextInputWorks()
    {
        using var client = new Harness.ClientProcess(Harness.DaemonFixture.StateDirectory, "much", "100");

        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(100)));

        var lines = client.Out.Split('\n');
        Assert.Equal(100 * 1024, lines.Count(l => l.Length == 1023 && l.All(c => c == 'x')));
        Assert.Equal(["printed 100", "printed 0"], lines.Where(l => l.StartsWith("printed", StringComparison.Ordinal)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Map_OneInputEndsItsProcess_TheOthersStillGiveResults()
    {
        var outcomes = await Trouble.Remote.Exit.Map(Enumerable.Range(0, 200).Select(i => i == 77 ? -9 : i), returnExceptions: true, Limit).ToListAsync(Limit);

        Assert.Equal(77, Assert.Single(outcomes, o => !o.IsSuccess).Index);
        Assert.Equal(ContainerFailureReason.Exited, Assert.IsType<ContainerFailureException>(outcomes[77].Exception).Reason);
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i != 77), outcomes.Where(o => o.IsSuccess).Select(o => o.Value));
    }
}
