using Modal.Calls;
using Modal.Protocol;

namespace Modal;

/// <content>Calls that go on without this process.</content>
public abstract partial class Function<TArgument, TResult>
{
    // Of which a million may wait in the server's memory.
    private const int MaxInlineBytes = 64 * 1024;
    private const int PartInputs = 500;
    private const long PartBytes = 2 * 1024 * 1024;

    /// <summary>Begins a call and does not wait for it: when this returns its argument is on the server's disk, and it runs whatever becomes of this process.</summary>
    /// <param name="argument">The argument; a tuple if the method has several parameters.</param>
    /// <param name="cancellationToken">Stops waiting; the call may have been begun.</param>
    /// <returns>The call.</returns>
    /// <exception cref="LimitExceededException">The server's disk is full, or the function has 1,000,000 inputs waiting.</exception>
    /// <exception cref="ModalException">Other faults; see the types derived from it.</exception>
    public async Task<FunctionCall<TResult>> SpawnAsync(TArgument argument, CancellationToken cancellationToken = default)
    {
        var channel = new FunctionChannel(_target);
        var id = Id.New(Id.Call);
        var input = await ToInputAsync(channel, argument, cancellationToken).ConfigureAwait(false);
        await channel.Stream.Detached.StoreAsync(new CallPart { CallId = id, IsLast = true, Inputs = { input } }).WaitAsync(cancellationToken).ConfigureAwait(false);
        return new FunctionCall<TResult>(id, _decode);
    }

    /// <summary>Begins one call of many arguments and does not wait for it: when this returns all are on the server's disk.</summary>
    /// <param name="arguments">The arguments, pulled lazily. What their iterator throws is thrown here, and cancels what was begun.</param>
    /// <param name="cancellationToken">Stops sending and cancels what was begun.</param>
    /// <returns>The call; <see cref="FunctionCall{TResult}.Results"/> has its results in order.</returns>
    /// <exception cref="ModalException">As for <see cref="SpawnAsync"/>.</exception>
    public Task<FunctionCall<TResult>> SpawnMapAsync(IEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) => SpawnMapAsync(Lazily(arguments), cancellationToken);

    /// <inheritdoc cref="SpawnMapAsync(IEnumerable{TArgument}, CancellationToken)"/>
    public async Task<FunctionCall<TResult>> SpawnMapAsync(IAsyncEnumerable<TArgument> arguments, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var channel = new FunctionChannel(_target);
        var call = new FunctionCall<TResult>(Id.New(Id.Call), _decode);
        var part = new CallPart { CallId = call.Id };
        var (bytes, isBegun) = (0L, false);
        try
        {
            await foreach (var argument in arguments.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                var input = await ToInputAsync(channel, argument, cancellationToken).ConfigureAwait(false);
                part.Inputs.Add(input);
                bytes += input.Arguments.Inline.Length;
                if (part.Inputs.Count == PartInputs || bytes >= PartBytes)
                {
                    isBegun = true;
                    await channel.Stream.Detached.StoreAsync(part).WaitAsync(cancellationToken).ConfigureAwait(false);
                    part = new CallPart { CallId = call.Id, FirstIndex = part.FirstIndex + (ulong)part.Inputs.Count };
                    bytes = 0;
                }
            }

            part.IsLast = true;
            await channel.Stream.Detached.StoreAsync(part).WaitAsync(cancellationToken).ConfigureAwait(false);
            return call;
        }
        catch when (isBegun)
        {
            // Half of a call is of no use to anybody.
            await call.CancelAsync(cancellationToken: CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>A detached call of this function, whichever program made it. The server is not asked.</summary>
    /// <param name="id">As in <see cref="FunctionCall{TResult}.Id"/>.</param>
    /// <exception cref="InvalidRequestException">It is no such id.</exception>
    public FunctionCall<TResult> FromId(string id)
    {
        FunctionCall.Check(id);
        return new FunctionCall<TResult>(id, _decode);
    }

    private async Task<DetachedInput> ToInputAsync(FunctionChannel channel, TArgument argument, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await channel.Stream.EnsureFunctionAsync(cancellationToken).ConfigureAwait(false);
        return new DetachedInput { Method = channel.Stream.ServerMethod(channel.Method), Arguments = await channel.ToPayloadAsync(Encode(argument), cancellationToken, MaxInlineBytes).ConfigureAwait(false) };
    }
}
