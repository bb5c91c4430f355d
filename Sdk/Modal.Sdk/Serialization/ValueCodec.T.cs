using Modal.Serialization;

namespace Modal;

/// <summary>How values that are stored travel: with the codec that the generator made for their type.</summary>
internal static class ValueCodec<T>
{
    public static PayloadEncoder<T>? Encode { get; set; }

    public static PayloadDecoder<T>? Decode { get; set; }

    /// <exception cref="PayloadSerializationException">The type has no codec, or the value cannot be sent.</exception>
    public static byte[] Write(T value, string what)
    {
        try
        {
            return PayloadCodec.Encode(Encode ?? throw Missing(), value);
        }
        catch (PayloadException e)
        {
            throw new PayloadSerializationException($"{what} cannot be sent: {e.Message}", e);
        }
    }

    /// <exception cref="PayloadSerializationException">The type has no codec, or the bytes are of another type.</exception>
    public static T Read(ReadOnlySpan<byte> bytes, string what)
    {
        var decode = Decode ?? throw Missing();
        try
        {
            var reader = new PayloadReader(bytes);
            return decode(ref reader);
        }
        catch (PayloadException e)
        {
            throw new PayloadSerializationException($"{what} cannot be read as {typeof(T)}: {e.Message}", e);
        }
    }

    /// <summary>As a part of something larger.</summary>
    /// <exception cref="PayloadSerializationException">The type has no codec.</exception>
    public static void Write(ref PayloadWriter writer, T value) => (Encode ?? throw Missing())(ref writer, value);

    /// <exception cref="PayloadSerializationException">The type has no codec.</exception>
    public static T Read(ref PayloadReader reader) => (Decode ?? throw Missing())(ref reader);

    private static PayloadSerializationException Missing() => new(
        $"There is no codec for {typeof(T)}. The generator of the Modal.Sdk package makes one for each type that a project names in Dict<,>, Queue<>, Function.FromName<,> and the like; name it there, not by a type parameter.");
}
