using System.Buffers;
using System.Text;
using Google.Protobuf;
using Modal.Backend.Worker.Containers;
using Modal.Protocol;
using Modal.Serialization;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>A container, and all that it told the server.</summary>
internal sealed class TestContainer : IOutbox
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Container _container;
    private readonly Lock _gate = new();
    private readonly List<WorkerMessage> _messages = [];
    private readonly List<(Func<WorkerMessage, bool> Wanted, TaskCompletionSource<WorkerMessage> Found)> _waiting = [];
    private readonly Dictionary<ulong, Attempt> _given = [];
    private ulong _lastIndex;

    public TestContainer(StartContainer start, ContainerServices services) => _container = new Container(start, services, this);

    public string Id => _container.Id;

    public Task Ended => _container.Ended;

    public bool IsFull => false;

    /// <summary>Whether inputs that come back are given again, each alone, as a server would.</summary>
    public bool Redispatches { get; set; } = true;

    /// <summary>Whether output is acknowledged as it arrives.</summary>
    public bool Acknowledges { get; set; } = true;

    public IReadOnlyList<WorkerMessage> Messages
    {
        get
        {
            lock (_gate)
            {
                return [.. _messages];
            }
        }
    }

    public static byte[] Arguments(Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }

    public static byte[] Arguments(long value) => Arguments(buffer =>
    {
        var writer = new PayloadWriter(buffer);
        writer.WriteArrayHeader(1);
        writer.Write(value);
        writer.Flush();
    });

    public static byte[] Arguments(string value) => Arguments(buffer =>
    {
        var writer = new PayloadWriter(buffer);
        writer.WriteArrayHeader(1);
        writer.Write(value);
        writer.Flush();
    });

    public void Post(WorkerMessage message)
    {
        TaskCompletionSource<WorkerMessage>[] found;
        bool acknowledge;
        lock (_gate)
        {
            acknowledge = Acknowledges;
            _messages.Add(message);
            found = [.. _waiting.Where(w => w.Wanted(message)).Select(w => w.Found)];
            _waiting.RemoveAll(w => found.Contains(w.Found));
        }

        foreach (var waiter in found)
        {
            waiter.TrySetResult(message);
        }

        if (Redispatches && message.Returned is { } returned)
        {
            ThreadPool.QueueUserWorkItem(_ =>
            {
                Attempt[] again;
                lock (_gate)
                {
                    again = [.. returned.Inputs.Select(i => _given[i.Index])];
                }

                foreach (var attempt in again)
                {
                    _container.Dispatch([attempt]);
                }
            });
        }

        if (acknowledge && message.Output is { } output)
        {
            // Not from inside the container's own call: a session answers on another thread.
            ThreadPool.QueueUserWorkItem(_ => _container.Acknowledge(output.Data.Length));
        }
    }

    /// <summary>Acknowledges what was held back, and from now on at once.</summary>
    public void AcknowledgeAll()
    {
        long held;
        lock (_gate)
        {
            Acknowledges = true;
            held = _messages.Sum(m => (long)(m.Output?.Data.Length ?? 0));
        }

        _container.Acknowledge(held);
    }

    public async Task<WorkerMessage> WaitForAsync(string what, Func<WorkerMessage, bool> wanted)
    {
        var found = new TaskCompletionSource<WorkerMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_messages.FirstOrDefault(wanted) is { } seen)
            {
                return seen;
            }

            _waiting.Add((wanted, found));
        }

        try
        {
            return await found.Task.WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {s_patience.TotalSeconds} s for {what}; saw:\n{string.Join('\n', Messages.TakeLast(20))}");
        }
    }

    public async Task<ContainerReady> ReadyAsync()
    {
        var message = await WaitForAsync("ready", m => m.Ready is not null || m.Exited is not null);
        return message.Ready ?? throw new InvalidOperationException($"It ended instead: {message.Exited}");
    }

    public async Task<ContainerExited> ExitedAsync() => (await WaitForAsync("the end", m => m.Exited is not null)).Exited;

    /// <summary>Gives it inputs.</summary>
    /// <returns>Their numbers.</returns>
    public ulong[] Dispatch(params IEnumerable<byte[]> arguments) =>
        DispatchPayloads(arguments.Select(a => new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(a) }));

    /// <summary>Gives it inputs that are one batch, each in a message of its own.</summary>
    /// <returns>Their numbers.</returns>
    public ulong[] DispatchBatch(ulong batch, params Payload[] payloads)
    {
        var indexes = new List<ulong>();
        foreach (var payload in payloads)
        {
            indexes.Add(Interlocked.Increment(ref _lastIndex));
            _container.Dispatch([new Attempt
            {
                Input = new InputRef { StreamId = "fc-test", Call = 1, Index = indexes[^1] },
                Attempt_ = 1,
                Arguments = payload,
                Batch = batch,
                BatchSize = payloads.Length,
            }]);
        }

        return [.. indexes];
    }

    public static Payload Inline(byte[] arguments) => new() { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(arguments) };

    public ulong[] DispatchPayloads(IEnumerable<Payload> payloads)
    {
        var attempts = payloads.Select(p => new Attempt
        {
            Input = new InputRef { StreamId = "fc-test", Call = 1, Index = Interlocked.Increment(ref _lastIndex) },
            Attempt_ = 1,
            Arguments = p,
        }).ToArray();
        lock (_gate)
        {
            foreach (var attempt in attempts)
            {
                _given.Add(attempt.Input.Index, attempt);
            }
        }

        _container.Dispatch(attempts);
        return [.. attempts.Select(a => a.Input.Index)];
    }

    public async Task<AttemptResult> ResultAsync(ulong index)
    {
        bool Is(AttemptResult r) => r.Input.Index == index && r.OutcomeCase != AttemptResult.OutcomeOneofCase.Yield;
        var message = await WaitForAsync($"the result of input {index}", m => m.Results?.Results.Any(Is) == true);
        return message.Results.Results.Single(Is);
    }

    public async Task<AttemptResult> CallAsync(byte[] arguments)
    {
        await ReadyAsync();
        return await ResultAsync(Dispatch(arguments)[0]);
    }

    public void Cancel(ulong index) => _container.Cancel([new InputRef { StreamId = "fc-test", Call = 1, Index = index }]);

    public void Stop(TimeSpan grace) => _container.Stop(grace, "test");

    public void Tick() => _container.Tick();

    public string Output(OutputSource source) =>
        Encoding.UTF8.GetString([.. Messages.Where(m => m.Output?.Source == source).SelectMany(m => m.Output.Data)]);
}
