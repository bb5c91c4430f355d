namespace Modal;

/// <summary>
/// Handle of a remote function. Generated handles derive from it and add the parameters' names and defaults. Cheap, immutable, safe for many threads;
/// the first call starts the app.
/// </summary>
/// <typeparam name="TArgument">The parameter's type; a tuple for several, <see cref="Unit"/> for none.</typeparam>
/// <typeparam name="TResult">The result's type; <see cref="Unit"/> for none.</typeparam>
public abstract class Function<TArgument, TResult>
{
    private readonly FunctionTarget _target;
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

    /// <summary>Runs the function in a container and waits for its result.</summary>
    public Task<TResult> CallAsync(TArgument argument, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Runs the function for each argument; results come in the order of the arguments.</summary>
    public IAsyncEnumerable<TResult> Map(IEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc cref="Map(IEnumerable{TArgument}, CancellationToken)"/>
    public IAsyncEnumerable<TResult> Map(IAsyncEnumerable<TArgument> arguments, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
