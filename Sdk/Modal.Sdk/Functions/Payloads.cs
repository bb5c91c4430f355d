using Modal.Calls;
using Modal.Protocol;
using Modal.Serialization;

namespace Modal;

/// <summary>Between typed values and the bytes on the wire.</summary>
internal static class Payloads
{
    public static byte[] Encode<T>(PayloadEncoder<T> encode, T value, string name)
    {
        try
        {
            return PayloadCodec.Encode(encode, value);
        }
        catch (PayloadException e)
        {
            throw new PayloadSerializationException($"The arguments of {name} cannot be sent: {e.Message}", e);
        }
    }

    public static T Decode<T>(PayloadDecoder<T> decode, ReadOnlySpan<byte> bytes, string name)
    {
        // A function without result answers with nothing, or with no bytes.
        if (typeof(T) == typeof(Unit))
        {
            return default!;
        }

        try
        {
            var reader = new PayloadReader(bytes);
            return decode(ref reader);
        }
        catch (PayloadException e)
        {
            throw new PayloadSerializationException($"The result of {name} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The value of a final result, or the exception it stands for.</summary>
    public static async ValueTask<T> ReadAsync<T>(FunctionChannel channel, CallResult result, PayloadDecoder<T> decode, CancellationToken cancellationToken)
    {
        if (result.OutcomeCase == CallResult.OutcomeOneofCase.Failure)
        {
            throw FailureErrors.ToException(result.Failure);
        }

        return result.Value is not { } payload
            ? Decode(decode, default, channel.Name)
            : payload.ContentCase == Payload.ContentOneofCase.BlobDigest
                ? Decode(decode, (await channel.ReadBlobAsync(payload, cancellationToken).ConfigureAwait(false)).Span, channel.Name)
                : Decode(decode, payload.Inline.Span, channel.Name);
    }
}
