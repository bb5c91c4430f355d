using Modal.Backend.Runner.Execution;
using Xunit;

namespace Modal.Backend.Runner.Tests.Execution;

public sealed class ReadingRoleTests
{
    [Fact]
    public async Task HandOver_WhileCodeRuns_LetsTheOtherThreadReadAndTheFirstComeBack()
    {
        var limit = TestContext.Current.CancellationToken;
        using var frames = new System.Collections.Concurrent.BlockingCollection<Action<ReadingRole>?>();
        ReadingRole role = null!;
        role = new ReadingRole(() =>
        {
            var frame = frames.Take(limit);
            frame?.Invoke(role);
            return frame is not null;
        });
        using var release = new ManualResetEventSlim();
        var log = new System.Collections.Concurrent.ConcurrentQueue<(string What, int Thread)>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread[] threads = [new(role.Run), new(role.Run)];
        foreach (var thread in threads)
        {
            thread.Start();
        }

        role.Open();
        frames.Add(r => r.RunInline(() =>
        {
            log.Enqueue(("long", Environment.CurrentManagedThreadId));
            r.HandOver();
            release.Wait(limit);
        }), limit);
        frames.Add(_ =>
        {
            log.Enqueue(("during", Environment.CurrentManagedThreadId));
            release.Set();
        }, limit);

        // Ten more, with and without handing over: the role must survive any number of changes.
        for (var i = 0; i < 10; i++)
        {
            var hand = i % 2 == 0;
            frames.Add(r => r.RunInline(() =>
            {
                log.Enqueue(("short", Environment.CurrentManagedThreadId));
                if (hand)
                {
                    r.HandOver();
                }
            }), limit);
        }

        frames.Add(_ => done.SetResult(), limit);
        frames.Add(null, limit);
        await done.Task.WaitAsync(TimeSpan.FromSeconds(20), limit);
        foreach (var thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(20)));
        }

        var entries = log.ToArray();
        Assert.Equal(12, entries.Length);
        Assert.NotEqual(entries.Single(e => e.What == "long").Thread, entries.Single(e => e.What == "during").Thread);
        role.Dispose();
    }
}
