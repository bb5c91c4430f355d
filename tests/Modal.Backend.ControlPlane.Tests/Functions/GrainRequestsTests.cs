using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.ControlPlane.Functions;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class GrainRequestsTests
{
    private readonly DelayWatch _time = new();
    private readonly List<int[]> _attempts = [];
    private readonly List<int> _taken = [];
    private int _failures;

    [Fact]
    public async Task Add_OtherGrainFails_IsSentAgainInOrderUntilItIsTaken()
    {
        _failures = 3;
        using var requests = new GrainRequests<int>(TakeAsync, _time, NullLogger.Instance);

        requests.Add(1);
        requests.Add(2);
        for (var i = 0; i < 3; i++)
        {
            await _time.DelayedAsync();
            requests.Add(3 + i);
            _time.Advance(TimeSpan.FromSeconds(5));
        }

        await requests.Sent.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal([1, 2, 3, 4, 5], _taken);
        Assert.Equal(5, _attempts.Count);
        Assert.All(_attempts.Take(4), a => Assert.Equal([1, 2], a));
        Assert.True(requests.IsIdle);
    }

    [Fact]
    public async Task Dispose_WhileTheOtherGrainFails_EndsSending()
    {
        _failures = int.MaxValue;
        var requests = new GrainRequests<int>(TakeAsync, _time, NullLogger.Instance);
        requests.Add(1);
        await _time.DelayedAsync();

        requests.Dispose();

        await requests.Sent.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Single(_attempts);
    }

    private Task TakeAsync(IReadOnlyList<int> batch)
    {
        _attempts.Add([.. batch]);
        if (_failures > 0)
        {
            _failures--;
            throw new TimeoutException("The grain does not answer.");
        }

        _taken.AddRange(batch);
        return Task.CompletedTask;
    }

    /// <summary>A clock that says when somebody begins to wait for it.</summary>
    private sealed class DelayWatch : FakeTimeProvider
    {
        private readonly Channel<bool> _delays = Channel.CreateUnbounded<bool>();

        public Task<bool> DelayedAsync() => _delays.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _delays.Writer.TryWrite(true);
            return timer;
        }
    }
}
