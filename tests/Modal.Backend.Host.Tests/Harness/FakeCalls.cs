using System.Collections.Concurrent;
using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.Host.Tests.Harness;

/// <summary>One stream of calls.</summary>
internal sealed class FakeCalls(ModalClient.ModalClientClient client, string streamId) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private AsyncDuplexStreamingCall<CallRequest, CallEvent>? _call;
    private Task _read = Task.CompletedTask;

    public string StreamId => streamId;

    public bool Resumed { get; private set; }

    public Awaiting<CallEvent> Events { get; } = new();

    /// <summary>All events so far, also those that a test has taken.</summary>
    public ConcurrentQueue<CallEvent> Seen { get; } = new();

    /// <summary>Results in the order in which they came; more than the events, which hold several each.</summary>
    public List<CallResult> Results { get; } = [];

    public async Task OpenAsync(string appId, string functionId, ulong lastSeq)
    {
        _call = client.Call(cancellationToken: _stop.Token);
        _read = Events.ReadAsync(
            _call.ResponseStream,
            happened =>
            {
                Seen.Enqueue(happened);
                return Task.CompletedTask;
            },
            _stop.Token);
        await SendAsync(new CallRequest { Open = new OpenStream { AppId = appId, FunctionId = functionId, StreamId = streamId, LastSeq = lastSeq } });
        Resumed = (await Events.FirstAsync("StreamOpened", e => e.Opened)).Resumed;
    }

    public Task SendAsync(CallRequest request) => _call!.RequestStream.WriteAsync(request);

    public async Task PutAsync(int count, ulong call = 1, int start = 0)
    {
        foreach (var chunk in Enumerable.Range(start, count).Chunk(256))
        {
            var inputs = new PutInputs();
            inputs.Inputs.AddRange(chunk.Select(i => new Input { Call = call, Index = (ulong)i, Arguments = FakeWorker.PayloadOf(i) }));
            await SendAsync(new CallRequest { Inputs = inputs });
        }
    }

    /// <summary>Waits until so many results have come.</summary>
    public async Task<IReadOnlyList<CallResult>> ResultsAsync(int count)
    {
        while (Results.Count < count)
        {
            Results.AddRange((await Events.FirstAsync($"result {Results.Count + 1} of {count}", e => e.Results)).Results);
        }

        return Results;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _read;
        _call?.Dispose();
        _stop.Dispose();
    }
}
