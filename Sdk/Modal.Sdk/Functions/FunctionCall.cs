using Modal.Connections;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal;

/// <summary>Finds detached calls again.</summary>
public static class FunctionCall
{
    /// <summary>The call with that id, whichever program made it. The server is not asked.</summary>
    /// <typeparam name="TResult">The result's type: a simple type (numbers, text, bytes, times, Guid), one that a function of an assembly that is loaded returns, or <see cref="Unit"/> for none. A handle's own <c>FromId</c> always knows.</typeparam>
    /// <param name="id">As in <see cref="FunctionCall{TResult}.Id"/>.</param>
    /// <exception cref="InvalidRequestException">It is no such id, or nothing here knows how to read such a result.</exception>
    public static FunctionCall<TResult> FromId<TResult>(string id)
    {
        Check(id);
        if (typeof(TResult) == typeof(Unit))
        {
            return new FunctionCall<TResult>(id, static (ref Serialization.PayloadReader _) => default!);
        }

        if (SimpleDecoders.Find<TResult>() is { } simple)
        {
            return new FunctionCall<TResult>(id, simple);
        }

        foreach (var function in FunctionRegistry.Functions.Concat(FunctionRegistry.Services.SelectMany(static s => s.Functions)))
        {
            if (function.Decoder?.Invoke() is PayloadDecoder<TResult> decode)
            {
                return new FunctionCall<TResult>(id, decode);
            }
        }

        throw new InvalidRequestException(
            $"No [Function] that this program has loaded returns {typeof(TResult)}, so the result of {id} cannot be read as that. Use the function's handle: Jobs.Remote.Square.FromId(id).");
    }

    /// <summary>The results of several calls of one argument each, in the order of the calls. The first failure in that order is thrown; the calls go on.</summary>
    /// <typeparam name="TResult">Their result type.</typeparam>
    /// <param name="calls">The calls.</param>
    /// <returns>Their results.</returns>
    /// <exception cref="ModalException">As for <see cref="FunctionCall{TResult}.GetAsync"/>.</exception>
    public static async Task<TResult[]> GatherAsync<TResult>(params IEnumerable<FunctionCall<TResult>> calls)
    {
        ArgumentNullException.ThrowIfNull(calls);
        Task<TResult>[] waiting = [.. calls.Select(static c => c.GetAsync())];
        // So that a failure is the first in order and none is left unobserved.
        await ((Task)Task.WhenAll(waiting)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return [.. await Task.WhenAll(waiting).ConfigureAwait(false)];
    }

    internal static void Check(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!Protocol.Id.IsValid(id, Protocol.Id.Call))
        {
            throw new InvalidRequestException($"'{id}' is not the id of a call: it has 'fc-' and 22 letters and digits.");
        }
    }

    internal static Task<CallInfo> FindAsync(string id, bool withChildren, CancellationToken cancellationToken) => ServerConnection.SendAsync(
        async (invoker, _) => await new Protocol.Calls.CallsClient(invoker).GetAsync(new GetCallRequest { CallId = id, WithChildren = withChildren }, cancellationToken: cancellationToken).ConfigureAwait(false),
        cancellationToken);
}
