using System.Runtime.CompilerServices;
using Modal.Calls;

namespace Modal;

/// <summary>
/// Handle of a remote function. Generated handles derive from it and add the parameters' names and defaults. Cheap, immutable, safe for many threads;
/// the first call starts the app.
/// </summary>
/// <typeparam name="TArgument">The parameter's type; a tuple for several, <see cref="Unit"/> for none.</typeparam>
/// <typeparam name="TResult">The result's type; <see cref="Unit"/> for none.</typeparam>
public abstract partial class Function<TArgument, TResult> : IFunctionHandle
{
    private FunctionTarget _target;
    private readonly PayloadEncoder<TArgument> _encode;
    private readonly PayloadDecoder<TResult> _decode;

    /// <summary>Used by generated code.</summary>
    /// <param name="target">What is called.</param>
    /// <param name="encode">Writes the arguments as an array in the order of the parameters.</param>
    /// <param name="decode">Reads the bare result; never called for <see cref="Unit"/>.</param>
    protected Function(FunctionTarget target, PayloadEncoder<TArgument> encode, PayloadDecoder<TResult> decode)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(encode);
        ArgumentNullException.ThrowIfNull(decode);
        _target = target;
        _encode = encode;
        _decode = decode;
    }

    /// <summary>The declaring type's full name and the method.</summary>
    public string Name => _target.Name;

    internal FunctionTarget Target => _target;

    FunctionTarget IFunctionHandle.Target => _target;

    IFunctionHandle IFunctionHandle.Bind(FunctionTarget target)
    {
        var bound = (Function<TArgument, TResult>)MemberwiseClone();
        bound._target = target;
        return bound;
    }

    /// <summary>What the server last said about the function's containers; null before the first call.</summary>
    public FunctionStatistics? Stats => App.SessionOf(_target).StatsOf(_target) is { } s
        ? new FunctionStatistics(s.ContainersReady, s.ContainersStarting, s.InputsQueued, s.InputsRunning, s.WaitingReason.Length > 0 ? s.WaitingReason : null)
        : null;

    /// <summary>The arguments as they travel.</summary>
    /// <exception cref="PayloadSerializationException">They cannot be sent.</exception>
    internal byte[] Encode(TArgument argument) => Payloads.Encode(_encode, argument, Name);

    /// <summary>Runs the function in a container and waits for its result.</summary>
    /// <param name="argument">The argument; a tuple if the method has several parameters.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>The method's result.</returns>
    /// <exception cref="RemoteException">User code threw.</exception>
    /// <exception cref="FunctionTimeoutException">It ran longer than its timeout.</exception>
    /// <exception cref="ContainerFailureException">Its container died.</exception>
    /// <exception cref="ContainerStartException">Its container did not start.</exception>
    /// <exception cref="ModalException">Other faults; see the types derived from it.</exception>
    public async Task<TResult> CallAsync(TArgument argument, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = Encode(argument);
        var channel = new FunctionChannel(_target);
        var input = new UnaryInput(channel.Call, channel.Method, await channel.ToPayloadAsync(bytes, cancellationToken).ConfigureAwait(false));
        var registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (pending, stream) = ((UnaryInput, FunctionStream))state!;
                stream.Cancel(pending.Call);
                pending.Cancel(token);
            },
            (input, channel.Stream));
        await using (registration.ConfigureAwait(false))
        {
            channel.Stream.Send(input);
            var result = await input.Result.ConfigureAwait(false);
            return await Payloads.ReadAsync(channel, result, _decode, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Runs the function for each argument, in parallel over containers. Arguments are pulled lazily, at most 1,000 ahead of the results taken; results come in the
    /// order of the arguments. The first failure in that order is thrown and cancels the rest, as does leaving the enumeration early.
    /// </summary>
    /// <param name="arguments">The arguments. Enumerated once, on another thread; what its iterator throws reaches the caller.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>The results, enumerable once per call of this method.</returns>
    public IAsyncEnumerable<TResult> Map(IEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        Values(Run(Lazily(arguments), ordered: true, Count(arguments), cancellationToken), cancellationToken);

    /// <inheritdoc cref="Map(IEnumerable{TArgument}, CancellationToken)"/>
    public IAsyncEnumerable<TResult> Map(IAsyncEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        Values(Run(NotNull(arguments), ordered: true, null, cancellationToken), cancellationToken);

    /// <summary>As <see cref="Map(IEnumerable{TArgument}, CancellationToken)"/>, but each result says what became of its argument.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="returnExceptions">True to get failures as outcomes; false to have the first one thrown.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>One outcome per argument, in order.</returns>
    public IAsyncEnumerable<Outcome<TResult>> Map(IEnumerable<TArgument> arguments, bool returnExceptions, CancellationToken cancellationToken = default) =>
        Checked(Run(Lazily(arguments), ordered: true, Count(arguments), cancellationToken), returnExceptions, cancellationToken);

    /// <inheritdoc cref="Map(IEnumerable{TArgument}, bool, CancellationToken)"/>
    public IAsyncEnumerable<Outcome<TResult>> Map(IAsyncEnumerable<TArgument> arguments, bool returnExceptions, CancellationToken cancellationToken = default) =>
        Checked(Run(NotNull(arguments), ordered: true, null, cancellationToken), returnExceptions, cancellationToken);

    /// <summary>As <see cref="Map(IEnumerable{TArgument}, CancellationToken)"/>, but results come as they finish.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>The results in the order in which they finished.</returns>
    public IAsyncEnumerable<TResult> MapUnordered(IEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        Values(Run(Lazily(arguments), ordered: false, Count(arguments), cancellationToken), cancellationToken);

    /// <inheritdoc cref="MapUnordered(IEnumerable{TArgument}, CancellationToken)"/>
    public IAsyncEnumerable<TResult> MapUnordered(IAsyncEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        Values(Run(NotNull(arguments), ordered: false, null, cancellationToken), cancellationToken);

    /// <summary>As <see cref="MapUnordered(IEnumerable{TArgument}, CancellationToken)"/>, but each result says which argument it belongs to and what became of it.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="returnExceptions">True to get failures as outcomes; false to have the first one thrown.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>One outcome per argument, in the order in which they finished.</returns>
    public IAsyncEnumerable<Outcome<TResult>> MapUnordered(IEnumerable<TArgument> arguments, bool returnExceptions, CancellationToken cancellationToken = default) =>
        Checked(Run(Lazily(arguments), ordered: false, Count(arguments), cancellationToken), returnExceptions, cancellationToken);

    /// <inheritdoc cref="MapUnordered(IEnumerable{TArgument}, bool, CancellationToken)"/>
    public IAsyncEnumerable<Outcome<TResult>> MapUnordered(IAsyncEnumerable<TArgument> arguments, bool returnExceptions, CancellationToken cancellationToken = default) =>
        Checked(Run(NotNull(arguments), ordered: false, null, cancellationToken), returnExceptions, cancellationToken);

    /// <summary>Runs the function for each argument and drops the results. The first failure is thrown and cancels the rest.</summary>
    /// <param name="arguments">The arguments, pulled lazily.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>A task that ends when all have ended.</returns>
    public Task ForEachAsync(IEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        DrainAsync(Run(Lazily(arguments), ordered: false, Count(arguments), cancellationToken));

    /// <inheritdoc cref="ForEachAsync(IEnumerable{TArgument}, CancellationToken)"/>
    public Task ForEachAsync(IAsyncEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) =>
        DrainAsync(Run(NotNull(arguments), ordered: false, null, cancellationToken));

    /// <summary>Changes how the function scales, until its app ends or its definition changes. Safe to call at any time; containers that are missing start at once.</summary>
    /// <param name="settings">What to change.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; the change may have been made.</param>
    /// <returns>All settings in force after the change.</returns>
    /// <exception cref="InvalidRequestException">A setting is out of range, MinContainers would be more than MaxContainers, or this is a method of a service: its methods share their containers, so change the instance.</exception>
    /// <exception cref="ServerUnavailableException">No server could be reached or started.</exception>
    public Task<AutoscalerSettings> UpdateAutoscalerAsync(AutoscalerSettings settings, CancellationToken cancellationToken = default) =>
        App.SessionOf(_target).UpdateAutoscalerAsync(_target.OwnContainers(), settings, cancellationToken);

    private async IAsyncEnumerable<Outcome<TResult>> Run(
        IAsyncEnumerable<TArgument> arguments, bool ordered, long? total, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = new FunctionChannel(_target);
        var operation = new MapOperation<TArgument>(_target, _encode);
        await foreach (var result in operation.RunAsync(channel, arguments, ordered, total, cancellationToken).ConfigureAwait(false))
        {
            yield return await ReadAsync(channel, result, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<Outcome<TResult>> ReadAsync(FunctionChannel channel, Protocol.CallResult result, CancellationToken cancellationToken)
    {
        var index = (long)result.Index;
        if (result.OutcomeCase == Protocol.CallResult.OutcomeOneofCase.Failure)
        {
            return new Outcome<TResult>(index, FailureErrors.ToException(result.Failure));
        }

        try
        {
            return new Outcome<TResult>(index, await Payloads.ReadAsync(channel, result, _decode, cancellationToken).ConfigureAwait(false));
        }
        catch (PayloadSerializationException e)
        {
            return new Outcome<TResult>(index, e);
        }
    }

    private static async IAsyncEnumerable<TResult> Values(IAsyncEnumerable<Outcome<TResult>> outcomes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var outcome in outcomes.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            yield return outcome.Value;
        }
    }

    private static async IAsyncEnumerable<Outcome<TResult>> Checked(
        IAsyncEnumerable<Outcome<TResult>> outcomes, bool returnExceptions, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var outcome in outcomes.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (!returnExceptions)
            {
                _ = outcome.Value;
            }

            yield return outcome;
        }
    }

    private static async Task DrainAsync(IAsyncEnumerable<Outcome<TResult>> outcomes)
    {
        await foreach (var outcome in outcomes.ConfigureAwait(false))
        {
            _ = outcome.Value;
        }
    }

    private static IAsyncEnumerable<TArgument> Lazily(IEnumerable<TArgument> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        return arguments.ToAsyncEnumerable();
    }

    private static IAsyncEnumerable<TArgument> NotNull(IAsyncEnumerable<TArgument> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        return arguments;
    }

    private static long? Count(IEnumerable<TArgument> arguments) => arguments.TryGetNonEnumeratedCount(out var count) ? count : null;
}
