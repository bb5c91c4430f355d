using System.Runtime.CompilerServices;
using Modal.Calls;
using Modal.Protocol;

namespace Modal;

/// <summary>Handle of a remote function that returns <see cref="IAsyncEnumerable{T}"/>. As <see cref="Function{TArgument, TResult}"/>, but it has no Map.</summary>
/// <typeparam name="TArgument">The parameter's type; a tuple for several, <see cref="Unit"/> for none.</typeparam>
/// <typeparam name="TItem">The element's type.</typeparam>
public abstract class StreamFunction<TArgument, TItem> : IFunctionHandle
{
    private FunctionTarget _target;
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

    FunctionTarget IFunctionHandle.Target => _target;

    IFunctionHandle IFunctionHandle.Bind(FunctionTarget target)
    {
        var bound = (StreamFunction<TArgument, TItem>)MemberwiseClone();
        bound._target = target;
        return bound;
    }

    /// <summary>Changes how the function scales, until its app ends or its definition changes. Safe to call at any time; containers that are missing start at once.</summary>
    /// <param name="settings">What to change.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; the change may have been made.</param>
    /// <returns>All settings in force after the change.</returns>
    /// <exception cref="InvalidRequestException">A setting is out of range, MinContainers would be more than MaxContainers, or this is a method of a service: its methods share their containers, so change the instance.</exception>
    /// <exception cref="ServerUnavailableException">No server could be reached or started.</exception>
    public Task<AutoscalerSettings> UpdateAutoscalerAsync(AutoscalerSettings settings, CancellationToken cancellationToken = default) =>
        App.SessionOf(_target).UpdateAutoscalerAsync(_target.OwnContainers(), settings, cancellationToken);

    /// <summary>
    /// Runs the function in a container; elements arrive as they are produced. Ending the enumeration early cancels the remote work. When a container is lost the function
    /// runs again from its beginning and the elements already delivered are skipped, so it should produce the same ones again.
    /// </summary>
    /// <param name="argument">The argument; a tuple if the method has several parameters.</param>
    /// <param name="cancellationToken">Cancels the remote work too.</param>
    /// <returns>The elements. Each enumeration is a call of its own.</returns>
    public async IAsyncEnumerable<TItem> CallAsync(TArgument argument, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var bytes = Payloads.Encode(_encode, argument, Name);
        var channel = new FunctionChannel(_target);
        var input = new StreamingInput(channel.Call, channel.Method, await channel.ToPayloadAsync(bytes, cancellationToken).ConfigureAwait(false));
        channel.Stream.Send(input);
        var finished = false;
        try
        {
            while (await input.Items.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (input.Items.TryRead(out var item))
                {
                    var element = item.ContentCase == Payload.ContentOneofCase.BlobDigest
                        ? await channel.ReadBlobAsync(item, cancellationToken).ConfigureAwait(false)
                        : item.Inline.Memory;
                    yield return Payloads.Decode(_decode, element.Span, Name);
                }
            }

            finished = true;
        }
        finally
        {
            if (!finished)
            {
                channel.Stream.Cancel(channel.Call);
            }
        }
    }
}
