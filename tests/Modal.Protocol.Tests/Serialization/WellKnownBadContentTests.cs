using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Well-formed MessagePack that is no value of the type is refused as bad content, not by whatever the type's constructor throws.</summary>
public sealed class WellKnownBadContentTests
{
    private static readonly Dictionary<string, (Write Content, Read<object?> Read)> s_cases = new()
    {
        ["Guid of 15 bytes"] = (Bin(15), (ref PayloadReader r) => WellKnownCodecs.ReadGuid(ref r)),
        ["Guid of 17 bytes"] = (Bin(17), (ref PayloadReader r) => WellKnownCodecs.ReadGuid(ref r)),
        ["Guid nil"] = (Nil, (ref PayloadReader r) => WellKnownCodecs.ReadGuid(ref r)),
        ["DateTime before the first"] = (Numbers(-1, 0), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime past the last"] = (Numbers(DateTime.MaxValue.Ticks + 1, 0), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime of kind -1"] = (Numbers(0, -1), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime of kind 3"] = (Numbers(0, 3), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime of one"] = (Numbers(0), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime of three"] = (Numbers(0, 0, 0), (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTime nil"] = (Nil, (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        ["DateTimeOffset of 14:01"] = (Numbers(TimeSpan.TicksPerDay * 9, 841), (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        ["DateTimeOffset of -14:01"] = (Numbers(TimeSpan.TicksPerDay * 9, -841), (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        ["DateTimeOffset before the first in UTC"] = (Numbers(0, 1), (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        ["DateTimeOffset past the last in UTC"] = (Numbers(DateTime.MaxValue.Ticks, -1), (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        ["TimeSpan of more than 63 bits"] = ((ref PayloadWriter w) => w.Write(ulong.MaxValue), (ref PayloadReader r) => WellKnownCodecs.ReadTimeSpan(ref r)),
        ["TimeSpan as text"] = (Text("1:00"), (ref PayloadReader r) => WellKnownCodecs.ReadTimeSpan(ref r)),
        ["DateOnly before the first"] = (Number(-1), (ref PayloadReader r) => WellKnownCodecs.ReadDateOnly(ref r)),
        ["DateOnly past the last"] = (Number(DateOnly.MaxValue.DayNumber + 1), (ref PayloadReader r) => WellKnownCodecs.ReadDateOnly(ref r)),
        ["DateOnly beyond 32 bits"] = (Number(1L << 32), (ref PayloadReader r) => WellKnownCodecs.ReadDateOnly(ref r)),
        ["TimeOnly before midnight"] = (Number(-1), (ref PayloadReader r) => WellKnownCodecs.ReadTimeOnly(ref r)),
        ["TimeOnly of 24:00"] = (Number(TimeSpan.TicksPerDay), (ref PayloadReader r) => WellKnownCodecs.ReadTimeOnly(ref r)),
        ["Decimal of 15 bytes"] = (Bin(15), (ref PayloadReader r) => WellKnownCodecs.ReadDecimal(ref r)),
        ["Decimal of scale 29"] = (Flags(29 << 16), (ref PayloadReader r) => WellKnownCodecs.ReadDecimal(ref r)),
        ["Decimal of unknown flags"] = (Flags(1), (ref PayloadReader r) => WellKnownCodecs.ReadDecimal(ref r)),
        ["Uri of one"] = ((ref PayloadWriter w) => w.WriteArrayHeader(1), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        ["Uri of nil text"] = (UriOf(null, true), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        ["Uri not absolute"] = (UriOf("a/b", true), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        ["Uri not relative"] = (UriOf("http://a", false), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        ["Uri that is none"] = (UriOf("http://[", true), (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        ["Version of one part"] = (Text("1"), (ref PayloadReader r) => WellKnownCodecs.ReadVersion(ref r)),
        ["Version beyond 32 bits"] = (Text("1.2147483648"), (ref PayloadReader r) => WellKnownCodecs.ReadVersion(ref r)),
        ["BigInteger as integer"] = (Number(1), (ref PayloadReader r) => WellKnownCodecs.ReadBigInteger(ref r)),
        ["Char below 0"] = (Number(-1), (ref PayloadReader r) => WellKnownCodecs.ReadChar(ref r)),
        ["Char of 17 bits"] = (Number(65536), (ref PayloadReader r) => WellKnownCodecs.ReadChar(ref r)),
        ["Half below 0"] = (Number(-1), (ref PayloadReader r) => WellKnownCodecs.ReadHalf(ref r)),
        ["Half of 17 bits"] = (Number(65536), (ref PayloadReader r) => WellKnownCodecs.ReadHalf(ref r)),
        ["Int128 of 15 bytes"] = (Bin(15), (ref PayloadReader r) => WellKnownCodecs.ReadInt128(ref r)),
        ["UInt128 of 17 bytes"] = (Bin(17), (ref PayloadReader r) => WellKnownCodecs.ReadUInt128(ref r)),
    };

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Read_WhatIsNoSuchValue_ThrowsPayloadException(string name)
    {
        var (content, read) = s_cases[name];
        var bytes = Payloads.Encode(content);

        var error = Assert.Throws<PayloadException>(() =>
        {
            var reader = new PayloadReader(bytes);
            read(ref reader);
        });

        Assert.NotEmpty(error.Message);
    }

    private static void Nil(ref PayloadWriter writer) => writer.WriteNil();

    private static Write Bin(int length) => (ref PayloadWriter w) => w.WriteBytes(new byte[length]);

    private static Write Number(long value) => (ref PayloadWriter w) => w.Write(value);

    private static Write Text(string value) => (ref PayloadWriter w) => w.Write(value);

    private static Write Numbers(params long[] values) => (ref PayloadWriter w) =>
    {
        w.WriteArrayHeader(values.Length);
        foreach (var value in values)
        {
            w.Write(value);
        }
    };

    private static Write UriOf(string? text, bool absolute) => (ref PayloadWriter w) =>
    {
        w.WriteArrayHeader(2);
        w.Write(text);
        w.Write(absolute);
    };

    private static Write Flags(int flags) => (ref PayloadWriter w) =>
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), flags);
        w.WriteBytes(bytes);
    };
}
