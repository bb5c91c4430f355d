using Modal.Serialization;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Every way to read, by name; a test sees to it that none is left out.</summary>
internal static class Reads
{
    public static IReadOnlyList<(string Name, Read<object?> Read)> All { get; } =
    [
        (nameof(PayloadReader.TryReadNil), (ref PayloadReader r) => r.TryReadNil()),
        (nameof(PayloadReader.ReadBoolean), (ref PayloadReader r) => r.ReadBoolean()),
        (nameof(PayloadReader.ReadInt64), (ref PayloadReader r) => r.ReadInt64()),
        (nameof(PayloadReader.ReadUInt64), (ref PayloadReader r) => r.ReadUInt64()),
        (nameof(PayloadReader.ReadInteger), (ref PayloadReader r) => r.ReadInteger(-100, 100)),
        (nameof(PayloadReader.ReadInt32), (ref PayloadReader r) => r.ReadInt32()),
        (nameof(PayloadReader.ReadSingle), (ref PayloadReader r) => r.ReadSingle()),
        (nameof(PayloadReader.ReadDouble), (ref PayloadReader r) => r.ReadDouble()),
        (nameof(PayloadReader.ReadString), (ref PayloadReader r) => r.ReadString()),
        (nameof(PayloadReader.ReadRequiredString), (ref PayloadReader r) => r.ReadRequiredString()),
        (nameof(PayloadReader.ReadUtf8), (ref PayloadReader r) => r.ReadUtf8().Length),
        (nameof(PayloadReader.ReadBytes), (ref PayloadReader r) => r.ReadBytes().Length),
        // As the callers do: they allocate what the header says.
        (nameof(PayloadReader.ReadArrayHeader), (ref PayloadReader r) => new object[r.ReadArrayHeader()]),
        (nameof(PayloadReader.ReadArrayHeader), (ref PayloadReader r) => { r.ReadArrayHeader(2); return null; }),
        (nameof(PayloadReader.ReadMapHeader), (ref PayloadReader r) => new object[2 * r.ReadMapHeader()]),
        (nameof(PayloadReader.Skip), (ref PayloadReader r) => { r.Skip(); return null; }),
        (nameof(WellKnownCodecs.ReadGuid), (ref PayloadReader r) => WellKnownCodecs.ReadGuid(ref r)),
        (nameof(WellKnownCodecs.ReadDateTime), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        (nameof(WellKnownCodecs.ReadDateTimeOffset), (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        (nameof(WellKnownCodecs.ReadTimeSpan), (ref PayloadReader r) => WellKnownCodecs.ReadTimeSpan(ref r)),
        (nameof(WellKnownCodecs.ReadDateOnly), (ref PayloadReader r) => WellKnownCodecs.ReadDateOnly(ref r)),
        (nameof(WellKnownCodecs.ReadTimeOnly), (ref PayloadReader r) => WellKnownCodecs.ReadTimeOnly(ref r)),
        (nameof(WellKnownCodecs.ReadDecimal), (ref PayloadReader r) => WellKnownCodecs.ReadDecimal(ref r)),
        (nameof(WellKnownCodecs.ReadUri), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        (nameof(WellKnownCodecs.ReadVersion), (ref PayloadReader r) => WellKnownCodecs.ReadVersion(ref r)),
        (nameof(WellKnownCodecs.ReadBigInteger), (ref PayloadReader r) => WellKnownCodecs.ReadBigInteger(ref r)),
        (nameof(WellKnownCodecs.ReadChar), (ref PayloadReader r) => WellKnownCodecs.ReadChar(ref r)),
        (nameof(WellKnownCodecs.ReadHalf), (ref PayloadReader r) => WellKnownCodecs.ReadHalf(ref r)),
        (nameof(WellKnownCodecs.ReadInt128), (ref PayloadReader r) => WellKnownCodecs.ReadInt128(ref r)),
        (nameof(WellKnownCodecs.ReadUInt128), (ref PayloadReader r) => WellKnownCodecs.ReadUInt128(ref r)),
        (nameof(ArgumentsCodec.ReadHeader), (ref PayloadReader r) => ArgumentsCodec.ReadHeader(ref r, 1, 3, "f")),
        (nameof(ArgumentsCodec.ReadEnd), (ref PayloadReader r) => { ArgumentsCodec.ReadEnd(ref r, "f"); return null; }),
    ];
}
