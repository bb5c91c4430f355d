using System.IO.Pipes;
using Modal.Backend.Runner.Channel;
using Modal.Protocol;

namespace Modal.Backend.Runner.Tests.Harness;

/// <summary>The far end of a runner's outgoing channel.</summary>
internal sealed class TestChannel : IDisposable
{
    private readonly AnonymousPipeServerStream _read = new(PipeDirection.In);
    private readonly AnonymousPipeClientStream _write;
    private readonly Task _reading;
    private readonly Lock _gate = new();
    private readonly List<RunnerFrame> _frames = [];
    private readonly List<(Func<IReadOnlyList<RunnerFrame>, bool> Wanted, TaskCompletionSource Found)> _waiting = [];

    public TestChannel()
    {
        _write = new AnonymousPipeClientStream(PipeDirection.Out, _read.GetClientHandleAsString());
        Outgoing = new Outgoing((int)_write.SafePipeHandle.DangerousGetHandle(), () => Closed = true);
        _reading = Task.Run(Read);
    }

    public Outgoing Outgoing { get; }

    public bool Closed { get; private set; }

    public IReadOnlyList<RunnerFrame> Frames
    {
        get
        {
            lock (_gate)
            {
                return [.. _frames];
            }
        }
    }

    public IEnumerable<RunnerResult> Results => Frames.Where(f => f.Results is not null).SelectMany(f => f.Results.Results);

    /// <summary>Waits until the frames so far are what is wanted.</summary>
    public async Task WaitForAsync(string what, Func<IReadOnlyList<RunnerFrame>, bool> wanted)
    {
        var found = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (wanted(_frames))
            {
                return;
            }

            _waiting.Add((wanted, found));
        }

        try
        {
            await found.Task.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited 20 s for {what}; saw:\n{string.Join('\n', Frames)}");
        }
    }

    public Task WaitForResultsAsync(int count) =>
        WaitForAsync($"{count} results", frames => frames.Sum(f => f.Results?.Results.Count(r => r.OutcomeCase != RunnerResult.OutcomeOneofCase.Started) ?? 0) >= count);

    public void Dispose()
    {
        _write.Dispose();
        _reading.Wait();
        _read.Dispose();
    }

    private void Read()
    {
        var header = new byte[4];
        while (_read.ReadAtLeast(header, 4, throwOnEndOfStream: false) == 4)
        {
            var body = new byte[BitConverter.ToUInt32(header)];
            _read.ReadExactly(body);
            TaskCompletionSource[] found;
            lock (_gate)
            {
                _frames.Add(RunnerFrame.Parser.ParseFrom(body));
                found = [.. _waiting.Where(w => w.Wanted(_frames)).Select(w => w.Found)];
                _waiting.RemoveAll(w => found.Contains(w.Found));
            }

            foreach (var waiter in found)
            {
                waiter.TrySetResult();
            }
        }
    }
}
