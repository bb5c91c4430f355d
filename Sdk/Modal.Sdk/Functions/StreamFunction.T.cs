using System.Runtime.CompilerServices;
using Modal.Calls;
using Modal.Protocol;

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
