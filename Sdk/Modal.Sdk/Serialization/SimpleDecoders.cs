using Modal.Serialization;

namespace Modal;

/// <summary>Decoders of types that need no generated code.</summary>
internal static class SimpleDecoders
{
    // As the generated code reads them.
    private static readonly Dictionary<Type, Delegate> s_decoders = new Delegate[]
    {
        (PayloadDecoder<bool>)((ref r) => r.ReadBoolean()),
        (PayloadDecoder<byte>)((ref r) => (byte)r.ReadInteger(byte.MinValue, byte.MaxValue)),
        (PayloadDecoder<short>)((ref r) => (short)r.ReadInteger(short.MinValue, short.MaxValue)),
        (PayloadDecoder<int>)((ref r) => r.ReadInt32()),
        (PayloadDecoder<long>)((ref r) => r.ReadInt64()),
        (PayloadDecoder<ulong>)((ref r) => r.ReadUInt64()),
        (PayloadDecoder<float>)((ref r) => r.ReadSingle()),
        (PayloadDecoder<double>)((ref r) => r.ReadDouble()),
        (PayloadDecoder<decimal>)((ref r) => WellKnownCodecs.ReadDecimal(ref r)),
        (PayloadDecoder<string?>)((ref r) => r.ReadString()),
        (PayloadDecoder<byte[]?>)((ref r) => r.TryReadNil() ? null : r.ReadBytes().ToArray()),
        (PayloadDecoder<Guid>)((ref r) => WellKnownCodecs.ReadGuid(ref r)),
        (PayloadDecoder<DateTime>)((ref r) => WellKnownCodecs.ReadDateTime(ref r)),
        (PayloadDecoder<DateTimeOffset>)((ref r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        (PayloadDecoder<TimeSpan>)((ref r) => WellKnownCodecs.ReadTimeSpan(ref r)),
    }.ToDictionary(static d => d.GetType().GenericTypeArguments[0]);

    /// <summary>Null if the type needs generated code.</summary>
    public static PayloadDecoder<T>? Find<T>() => s_decoders.GetValueOrDefault(typeof(T)) as PayloadDecoder<T>;
}
