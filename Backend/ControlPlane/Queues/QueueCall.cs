using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Queues;

/// <summary>One request to a queue, from its arrival to its answer.</summary>
/// <param name="callId">Of this arrival: a request that is sent again has the same request id and another call id.</param>
/// <param name="batch">What is asked.</param>
internal sealed class QueueCall(string callId, QueueBatch batch)
{
    private readonly TaskCompletionSource<QueueAnswer> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string CallId { get; } = callId;

    public QueueBatch Batch { get; } = batch;

    /// <summary>When it is answered at the latest, if it waits; as <see cref="TimeProvider"/> counts milliseconds of the day.</summary>
    public long DueMs { get; set; }

    public Task<QueueAnswer> Answered => _answered.Task;

    /// <summary>Set if the only operation is a get that may wait.</summary>
    public QueueGet? Waiting => Batch.Operations is [{ Get: { WaitMs: > 0 } get }] ? get : null;

    public void Answer(QueueBatchReply reply) => _answered.TrySetResult(new QueueAnswer(reply));

    /// <summary>There is no such queue.</summary>
    public void AnswerMissing() => _answered.TrySetResult(new QueueAnswer(null));

    public void Fail(Exception error) => _answered.TrySetException(error);
}

/// <summary>The answer of a queue.</summary>
/// <param name="Reply">Null if there is no such queue.</param>
[GenerateSerializer, Immutable]
internal sealed record QueueAnswer([property: Id(0)] QueueBatchReply? Reply);
