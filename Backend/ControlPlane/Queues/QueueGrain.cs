using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Queues;

/// <summary>The one owner of a queue among all servers; its key is the queue's id. Its calls last at most as long as they may wait.</summary>
internal interface IQueueGrain : IGrainWithStringKey
{
    Task<QueueAnswer> ExecuteAsync(QueueRequest request);

    Task CancelAsync(string callId);

    /// <summary>The queue was deleted.</summary>
    Task ForgetAsync();
}

/// <summary>A batch on its way to the grain.</summary>
/// <param name="CallId">Of this arrival.</param>
/// <param name="Environment">Where the client says that the queue is.</param>
/// <param name="Batch">What is asked.</param>
[GenerateSerializer, Immutable]
internal sealed record QueueRequest([property: Id(0)] string CallId, [property: Id(1)] string Environment, [property: Id(2)] QueueBatch Batch);

/// <summary>Hosts a <see cref="QueueCore"/>. Reentrant: the core is for any thread.</summary>
[Reentrant]
internal sealed class QueueGrain : Grain, IQueueGrain, IDisposable
{
    private readonly QueueCore _core;

    public QueueGrain(IDatabase database, TimeProvider time) => _core = new QueueCore(this.GetPrimaryKeyString(), database, time);

    public Task<QueueAnswer> ExecuteAsync(QueueRequest request) => _core.ExecuteAsync(request.CallId, request.Environment, request.Batch);

    public Task CancelAsync(string callId)
    {
        _core.Cancel(callId);
        return Task.CompletedTask;
    }

    public Task ForgetAsync()
    {
        _core.Forget();
        return Task.CompletedTask;
    }

    public void Dispose() => _core.Dispose();
}
