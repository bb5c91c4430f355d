using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>What is read is exactly what was written: also what the types' own equality overlooks, such as a date's kind or a decimal's scale.</summary>
public sealed class WellKnownCodecsTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(2000).WithQuietOnSuccess(true);

    private static readonly Gen<long> s_dateTicks = Integers.UpTo(DateTime.MaxValue.Ticks);

    [Fact]
    public void Guid_Any_IsExact() => Exact(
        from high in Integers.Bits from low in Integers.Bits select new Guid(new UInt128(high, low).ToString("x32")), WellKnownCodecs.WriteGuid, WellKnownCodecs.ReadGuid, v => v);

    [Fact]
    public void DateTime_Any_KeepsTicksAndKind() => Exact(
        from ticks in s_dateTicks from kind in Gen.Elements(Enum.GetValues<DateTimeKind>()) select new DateTime(ticks, kind),
        WellKnownCodecs.WriteDateTime,
        WellKnownCodecs.ReadDateTime,
        v => (v.Ticks, v.Kind));

    [Fact]
    public void DateTimeOffset_Any_KeepsClockAndOffset() => Exact(
        from ticks in Gen.OneOf(s_dateTicks, Integers.UpTo(TimeSpan.TicksPerDay))
        from minutes in Gen.Choose(-14 * 60, 14 * 60)
        let offset = TimeSpan.FromMinutes(minutes)
        where ticks - offset.Ticks >= 0 && ticks - offset.Ticks <= DateTime.MaxValue.Ticks
        select new DateTimeOffset(ticks, offset),
        WellKnownCodecs.WriteDateTimeOffset,
        WellKnownCodecs.ReadDateTimeOffset,
        v => (v.Ticks, v.Offset));

    [Fact]
    public void TimeSpan_Any_IsExact() => Exact(
        Integers.Any.Select(v => new TimeSpan(v)), WellKnownCodecs.WriteTimeSpan, WellKnownCodecs.ReadTimeSpan, v => v.Ticks);

    [Fact]
    public void DateOnly_Any_IsExact() => Exact(
        Integers.UpTo(DateOnly.MaxValue.DayNumber).Select(v => DateOnly.FromDayNumber((int)v)),
        WellKnownCodecs.WriteDateOnly,
        WellKnownCodecs.ReadDateOnly,
        v => v.DayNumber);

    [Fact]
    public void TimeOnly_Any_IsExact() => Exact(
        Integers.UpTo(TimeOnly.MaxValue.Ticks).Select(v => new TimeOnly(v)),
        WellKnownCodecs.WriteTimeOnly,
        WellKnownCodecs.ReadTimeOnly,
        v => v.Ticks);

    [Fact]
    public void Decimal_Any_KeepsScaleAndSign() => Exact(
        from high in Integers.Bits
        from low in Integers.Bits
        from scale in Gen.Choose(0, 28)
        from negative in Gen.Elements(true, false)
        select new decimal((int)low, (int)(low >> 32), (int)high, negative, (byte)scale),
        WellKnownCodecs.WriteDecimal,
        WellKnownCodecs.ReadDecimal,
        v => string.Join(',', decimal.GetBits(v)));

    [Fact]
    public void BigInteger_Any_IsExact() => Exact(
        from length in Gen.Choose(0, 70) from bytes in Gen.Choose(0, 255).ArrayOf(length) select new BigInteger(Array.ConvertAll(bytes, b => (byte)b)),
        WellKnownCodecs.WriteBigInteger,
        WellKnownCodecs.ReadBigInteger,
        v => v);

    [Fact]
    public void Int128_Any_IsExact() => Exact(
        from high in Integers.Bits from low in Integers.Bits select new Int128(high, low), WellKnownCodecs.WriteInt128, WellKnownCodecs.ReadInt128, v => v);

    [Fact]
    public void UInt128_Any_IsExact() => Exact(
        from high in Integers.Bits from low in Integers.Bits select new UInt128(high, low), WellKnownCodecs.WriteUInt128, WellKnownCodecs.ReadUInt128, v => v);

    [Fact]
    public void Version_Any_KeepsItsCountOfParts() => Exact(
        from count in Gen.Choose(2, 4)
        from parts in Gen.OneOf(Gen.Elements(0, int.MaxValue), Gen.Choose(0, 3000)).ArrayOf(count)
        select Version.Parse(string.Join('.', parts)),
        (ref PayloadWriter w, Version v) => WellKnownCodecs.WriteVersion(ref w, v),
        (ref PayloadReader r) => WellKnownCodecs.ReadVersion(ref r)!,
        v => v.ToString());

    [Fact]
    public void CharAndHalf_EveryOne_KeepItsBits()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var character = Payloads.Decode(Payloads.Encode(WellKnownCodecs.WriteChar, (char)bits), WellKnownCodecs.ReadChar);
            var half = Payloads.Decode(Payloads.Encode(WellKnownCodecs.WriteHalf, BitConverter.UInt16BitsToHalf((ushort)bits)), WellKnownCodecs.ReadHalf);

            Assert.Equal(bits, character);
            Assert.Equal(bits, BitConverter.HalfToUInt16Bits(half));
        }
    }

    [Theory]
    [InlineData("https://host:8080/a%20b/ü?q=1#f", UriKind.Absolute)]
    [InlineData("HTTP://Host", UriKind.Absolute)]
    [InlineData("file:///tmp/x", UriKind.Absolute)]
    [InlineData("/tmp/x y%20z", UriKind.Absolute)]
    [InlineData("/tmp/x y%20z", UriKind.Relative)]
    [InlineData("//host/share", UriKind.Absolute)]
    [InlineData("//host/share", UriKind.Relative)]
    [InlineData(@"\\host\share", UriKind.Absolute)]
    [InlineData(@"\\host\share", UriKind.Relative)]
    [InlineData("mailto:a@b.c", UriKind.Absolute)]
    [InlineData("urn:isbn:1", UriKind.Absolute)]
    [InlineData("../a?b#c", UriKind.Relative)]
    [InlineData("", UriKind.Relative)]
    public void Uri_AbsoluteOrRelative_StaysWhatItWas(string text, UriKind kind)
    {
        var value = new Uri(text, kind);

        var read = Payloads.Decode(Payloads.Encode<Uri>(WellKnownCodecs.WriteUri, value), WellKnownCodecs.ReadUri);

        Assert.Equal(value, read);
        Assert.Equal(value.IsAbsoluteUri, read!.IsAbsoluteUri);
        Assert.Equal(text, read.OriginalString);
    }

    [Fact]
    public void UriAndVersion_Null_AreNil()
    {
        var uri = Payloads.Encode<Uri?>(WellKnownCodecs.WriteUri, null);
        var version = Payloads.Encode<Version?>(WellKnownCodecs.WriteVersion, null);

        Assert.Equal([0xc0], uri);
        Assert.Equal([0xc0], version);
        Assert.Null(Payloads.Decode(uri, WellKnownCodecs.ReadUri));
        Assert.Null(Payloads.Decode(version, WellKnownCodecs.ReadVersion));
    }

    private static void Exact<T, TKey>(Gen<T> values, WriteValue<T> write, Read<T> read, Func<T, TKey> key) =>
        Prop.ForAll(Arb.From(values), value => Equals(key(value), key(Payloads.Decode(Payloads.Encode(write, value), read)))).Check(s_config);
}
