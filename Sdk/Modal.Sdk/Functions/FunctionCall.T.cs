using System.Runtime.CompilerServices;
using Modal.Apps;
using Modal.Calls;
using Modal.Connections;
using Modal.Protocol;

namespace Modal;

/// <summary>
/// A call that goes on without this process: its inputs are on the server's disk, and its results are kept for 7 days (a setting of the server) after it is finished, for whoever has its id. An app whose client has left runs
/// on until its detached calls are finished. Immutable, safe for many threads.
/// </summary>
/// <typeparam name="TResult">The result's type; <see cref="Unit"/> for none.</typeparam>
public sealed class FunctionCall<TResult>
{
    private readonly PayloadDecoder<TResult> _decode;

    internal FunctionCall(string id, PayloadDecoder<TResult> decode) => (Id, _decode) = (id, decode);

    /// <summary>The call's id, <c>fc-…</c>, by which any program of the same server finds it.</summary>
    public string Id { get; }

    /// <summary>Waits for a result. May be asked for as often as one likes.</summary>
    /// <param name="timeout">How long to wait; zero looks once, null, the default, waits as long as it takes.</param>
    /// <param name="index">Which argument's result, in the order in which they were given; 0, the default, is the only one of <c>SpawnAsync</c>.</param>
    /// <param name="cancellationToken">Stops waiting; the call goes on.</param>
    /// <returns>The method's result.</returns>
    /// <exception cref="TimeoutException">There is no result yet.</exception>
    /// <exception cref="NotFoundException">There is no such call, or its results have expired.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The index is negative, or the call has fewer arguments; or the timeout is negative.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    /// <exception cref="ModalException">What the call failed of, as <c>CallAsync</c> throws it.</exception>
    public async Task<TResult> GetAsync(TimeSpan? timeout = null, long index = 0, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout ?? TimeSpan.Zero, TimeSpan.Zero);
        // Zero looks once, which takes the time of a request.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (timeout > TimeSpan.Zero)
        {
            limit.CancelAfter(timeout.Value);
        }

        try
        {
            if (timeout == TimeSpan.Zero)
            {
                await ThrowIfRunningAsync(cancellationToken).ConfigureAwait(false);
            }

            await foreach (var result in DetachedResults.ReadAsync(Id, limit.Token).ConfigureAwait(false))
            {
                if (result.Index == (ulong)index)
                {
                    return await ReadAsync(result, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The call {Id} has no result after {timeout!.Value.TotalSeconds:0.###} s; it goes on.");
        }

        throw new ArgumentOutOfRangeException(nameof(index), index, $"The call {Id} is finished and has no argument of that index.");
    }

    /// <summary>The results in the order of the arguments, as they come; the first failure in that order is thrown. Enumerable as often as one likes.</summary>
    /// <param name="cancellationToken">Stops waiting; the call goes on.</param>
    /// <returns>The results.</returns>
    /// <exception cref="ModalException">As for <see cref="GetAsync"/>.</exception>
    public async IAsyncEnumerable<TResult> Results([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var outcome in Outcomes(ordered: true, cancellationToken).ConfigureAwait(false))
        {
            yield return outcome.Value;
        }
    }

    /// <summary>What became of each argument, failures too.</summary>
    /// <param name="ordered">In the order of the arguments; else in the order in which they finished.</param>
    /// <param name="cancellationToken">Stops waiting; the call goes on.</param>
    /// <returns>One outcome per argument.</returns>
    /// <exception cref="NotFoundException">There is no such call, or its results have expired.</exception>
    public async IAsyncEnumerable<Outcome<TResult>> Outcomes(bool ordered = true, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var early = new Dictionary<ulong, CallResult>();
        var next = 0UL;
        await foreach (var result in DetachedResults.ReadAsync(Id, cancellationToken).ConfigureAwait(false))
        {
            if (!ordered)
            {
                yield return await ToOutcomeAsync(result, cancellationToken).ConfigureAwait(false);
                continue;
            }

            early.Add(result.Index, result);
            while (early.Remove(next, out var inOrder))
            {
                next++;
                yield return await ToOutcomeAsync(inOrder, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Cancels what has no result yet; such inputs count as failed, and waiting for them throws <see cref="OperationCanceledException"/>. Does nothing to a call that is finished.</summary>
    /// <param name="terminateContainers">True kills the containers that work on it; false, the default, signals the code's <see cref="CancellationToken"/> and lets the containers go on. Other inputs in a killed container run again.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such call.</exception>
    public Task CancelAsync(bool terminateContainers = false, CancellationToken cancellationToken = default) => ServerConnection.SendAsync(
        async (invoker, _) => await new Protocol.Calls.CallsClient(invoker).CancelAsync(new CancelCallRequest { CallId = Id, TerminateContainers = terminateContainers }, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);

    /// <summary>How the call stands.</summary>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such call.</exception>
    public async Task<FunctionCallStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        FunctionCallStatus.From(await FunctionCall.FindAsync(Id, withChildren: false, cancellationToken).ConfigureAwait(false));

    /// <summary>The call and the detached calls that were made in it, and in those.</summary>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="NotFoundException">There is no such call.</exception>
    public async Task<FunctionCallStatus> GetGraphAsync(CancellationToken cancellationToken = default) =>
        FunctionCallStatus.From(await FunctionCall.FindAsync(Id, withChildren: true, cancellationToken).ConfigureAwait(false));

    /// <summary>The id.</summary>
    public override string ToString() => Id;

    private async Task ThrowIfRunningAsync(CancellationToken cancellationToken)
    {
        var status = await GetStatusAsync(cancellationToken).ConfigureAwait(false);
        if (status.State == FunctionCallState.Running)
        {
            throw new TimeoutException($"The call {Id} is not finished.");
        }
    }

    private async ValueTask<Outcome<TResult>> ToOutcomeAsync(CallResult result, CancellationToken cancellationToken)
    {
        if (result.OutcomeCase == CallResult.OutcomeOneofCase.Failure)
        {
            return new Outcome<TResult>((long)result.Index, FailureErrors.ToException(result.Failure));
        }

        try
        {
            return new Outcome<TResult>((long)result.Index, await ReadAsync(result, cancellationToken).ConfigureAwait(false));
        }
        catch (PayloadSerializationException e)
        {
            return new Outcome<TResult>((long)result.Index, e);
        }
    }

    private async ValueTask<TResult> ReadAsync(CallResult result, CancellationToken cancellationToken)
    {
        if (result.OutcomeCase == CallResult.OutcomeOneofCase.Failure)
        {
            throw FailureErrors.ToException(result.Failure);
        }

        var bytes = result.Value switch
        {
            null => default,
            { ContentCase: Payload.ContentOneofCase.BlobDigest } blob => await ServerConnection.SendAsync(
                async (invoker, _) => await new BlobTransfer(new Blobs.BlobsClient(invoker)).ReadAsync(blob, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false),
            var inline => inline.Inline.Memory,
        };
        return Payloads.Decode(_decode, bytes.Span, $"the call {Id}");
    }
}
