using System.Numerics;
using MessagePack;
using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>What other writers may send: every form of a value is read, and what does not fit is refused with a sentence.</summary>
public sealed class PayloadReaderTests
{
    [Theory]
    [InlineData("07", "7")]
    [InlineData("cc07", "7")]
    [InlineData("cd0007", "7")]
    [InlineData("ce00000007", "7")]
    [InlineData("cf0000000000000007", "7")]
    [InlineData("d007", "7")]
    [InlineData("d10007", "7")]
    [InlineData("d200000007", "7")]
    [InlineData("d30000000000000007", "7")]
    [InlineData("ff", "-1")]
    [InlineData("d0ff", "-1")]
    [InlineData("d1ffff", "-1")]
    [InlineData("d2ffffffff", "-1")]
    [InlineData("d3ffffffffffffffff", "-1")]
    [InlineData("cf7fffffffffffffff", "9223372036854775807")]
    [InlineData("cfffffffffffffffff", "18446744073709551615")]
    public void ReadInteger_AnyForm_IsTheValueIfItFits(string hex, string text)
    {
        var bytes = Convert.FromHexString(hex);
        var expected = BigInteger.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

        Assert.Equal(expected <= long.MaxValue ? (long)expected : null, TryRead(bytes, (ref PayloadReader r) => r.ReadInt64()));
        Assert.Equal(expected >= 0 ? (ulong)expected : null, TryRead(bytes, (ref PayloadReader r) => r.ReadUInt64()));
        Assert.Equal(expected <= int.MaxValue ? (int)expected : null, TryRead(bytes, (ref PayloadReader r) => r.ReadInt32()));
    }

    [Theory]
    [InlineData("a161")]
    [InlineData("d90161")]
    [InlineData("da000161")]
    [InlineData("db0000000161")]
    public void ReadString_AnyForm_IsTheText(string hex) =>
        Assert.Equal("a", Payloads.Decode(Convert.FromHexString(hex), (ref PayloadReader r) => r.ReadRequiredString()));

    [Theory]
    [InlineData("c40161")]
    [InlineData("c5000161")]
    [InlineData("c60000000161")]
    public void ReadBytes_AnyForm_IsTheBytes(string hex) =>
        Assert.Equal([0x61], Payloads.Decode(Convert.FromHexString(hex), (ref PayloadReader r) => r.ReadBytes().ToArray()));

    [Theory]
    [InlineData("91c0")]
    [InlineData("dc0001c0")]
    [InlineData("dd00000001c0")]
    public void ReadArrayHeader_AnyForm_IsTheCount(string hex) => Assert.Equal(1, TryRead(Convert.FromHexString(hex), (ref PayloadReader r) => r.ReadArrayHeader()));

    [Theory]
    [InlineData("81c0c0")]
    [InlineData("de0001c0c0")]
    [InlineData("df00000001c0c0")]
    public void ReadMapHeader_AnyForm_IsTheCount(string hex) => Assert.Equal(1, TryRead(Convert.FromHexString(hex), (ref PayloadReader r) => r.ReadMapHeader()));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65536)]
    public void Skip_ExtensionOfThePeer_EndsBehindIt(int length)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteExtensionFormat(new ExtensionResult(5, new byte[length]));
        writer.Flush();

        var reader = new PayloadReader(buffer.WrittenSpan);
        reader.Skip();

        Assert.True(reader.End);
    }

    [Fact]
    public void ReadDouble_Single_IsWidened() => Assert.Equal(0.5, Payloads.Decode([0xca, 0x3f, 0, 0, 0], (ref PayloadReader r) => r.ReadDouble()));

    [Fact]
    public void ReadSingle_Double_IsRefused() => Refused("cb3fe0000000000000", (ref PayloadReader r) => r.ReadSingle(), "Found code 0xcb at byte 0 where a 32-bit float was expected.");

    [Fact]
    public void ReadString_NotUtf8_IsRefused() => Refused("a1ff", (ref PayloadReader r) => r.ReadString(), "The string before byte 2 is not valid UTF-8.");

    [Fact]
    public void ReadRequiredString_Nil_IsRefused() => Refused("c0", (ref PayloadReader r) => r.ReadRequiredString(), "Found nil at byte 0 where a string was expected.");

    [Fact]
    public void ReadInteger_OutsideItsBounds_IsRefused() => Refused("0a", (ref PayloadReader r) => r.ReadInteger(0, 9), "The integer 10 is outside the range 0 to 9.");

    [Fact]
    public void ReadArrayHeader_OtherCount_IsRefused() =>
        Refused("92c0c0", (ref PayloadReader r) => Known(ref r, 3), "Found an array of 2 values where 3 were expected.");

    [Fact]
    public void ReadArrayHeader_MoreThanBytesAreLeft_IsRefused() =>
        Refused("93c0c0", (ref PayloadReader r) => r.ReadArrayHeader(), "The payload ends at byte 3, but 3 more are needed at byte 1.");

    [Fact]
    public void ReadMapHeader_MoreThanBytesAreLeft_IsRefused() =>
        Refused("82c0c0c0", (ref PayloadReader r) => r.ReadMapHeader(), "The payload ends at byte 4, but 4 more are needed at byte 1.");

    [Fact]
    public void Skip_CodeThatIsNeverUsed_IsRefused() => Refused("c1", (ref PayloadReader r) => Skip(ref r), "Found code 0xc1 at byte 0 where a value was expected.");

    [Fact]
    public void TryReadNil_SomethingElse_ReadsNothing()
    {
        var reader = new PayloadReader([0x05]);

        Assert.False(reader.TryReadNil());
        Assert.Equal(0, reader.Position);
        Assert.Equal(5, reader.ReadInt64());
        Assert.True(reader.End);
    }

    [Fact]
    public void Write_LoneSurrogate_BecomesTheReplacementCharacter()
    {
        foreach (var text in (string[])["\ud800", "a\udc00b", new string('x', 40) + "\ud800"])
        {
            var read = Payloads.Decode(Payloads.Encode((ref PayloadWriter w) => w.Write(text)), (ref PayloadReader r) => r.ReadString());

            Assert.Equal(text.Replace('\ud800', '\ufffd').Replace('\udc00', '\ufffd'), read);
        }
    }

    [Fact]
    public void WriteHeaders_NegativeCount_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Payloads.Encode((ref PayloadWriter w) => w.WriteArrayHeader(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Payloads.Encode((ref PayloadWriter w) => w.WriteMapHeader(-1)));
    }

    private static T? TryRead<T>(byte[] bytes, Read<T> read)
        where T : struct
    {
        var reader = new PayloadReader(bytes);
        try
        {
            return read(ref reader);
        }
        catch (PayloadException)
        {
            return null;
        }
    }

    private static void Refused<T>(string hex, Read<T> read, string message) =>
        Assert.Equal(message, Assert.Throws<PayloadException>(() => { _ = Payloads.Decode(Convert.FromHexString(hex), read); }).Message);

    private static int Known(ref PayloadReader reader, int count)
    {
        reader.ReadArrayHeader(count);
        return count;
    }

    private static int Skip(ref PayloadReader reader)
    {
        reader.Skip();
        return reader.Position;
    }
}
