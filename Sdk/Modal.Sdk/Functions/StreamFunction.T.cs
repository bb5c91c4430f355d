namespace Modal;

/// <summary>Handle of a remote function that returns <see cref="IAsyncEnumerable{T}"/>. As <see cref="Function{TArgument, TResult}"/>, but it has no Map.</summary>
/// <typeparam name="TArgument">The parameter's type; a tuple for several, <see cref="Unit"/> for none.</typeparam>
/// <typeparam name="TItem">The element's type.</typeparam>
public abstract class StreamFunction<TArgument, TItem>
{
    private readonly FunctionTarget _target;
    private readonly PayloadEncoder<TArgument> _encode;
    private readonly PayloadDecoder<TItem> _decode;

    /// <summary>Used by generated code.</summary>
    /// <param name="target">What is called.</param>
    /// <param name="encode">Writes the arguments as an array in the order of the parameters.</param>
    /// <param name="decode">Reads one element.</param>
    protected StreamFunction(FunctionTarget target, PayloadEncoder<TArgument> encode, PayloadDecoder<TItem> decode)
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

    /// <summary>Runs the function in a container; elements arrive as they are produced. Ending the enumeration early cancels the remote work.</summary>
    public IAsyncEnumerable<TItem> CallAsync(TArgument argument, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
