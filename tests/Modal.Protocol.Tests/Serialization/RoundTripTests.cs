using FsCheck;
using FsCheck.Fluent;
using MessagePack;
using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>What we write we read, and the common library reads it too and writes the same.</summary>
public sealed class RoundTripTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(2000).WithQuietOnSuccess(true);

    [Fact]
    public void Int64_Any_IsTheSameHereAndForThePeer() => Check<long>((ref PayloadWriter w, long v) => w.Write(v), (ref PayloadReader r) => r.ReadInt64());

    [Fact]
    public void UInt64_Any_IsTheSameHereAndForThePeer() => Check<ulong>((ref PayloadWriter w, ulong v) => w.Write(v), (ref PayloadReader r) => r.ReadUInt64());

    [Fact]
    public void Double_Any_IsTheSameHereAndForThePeer() => Check<double>((ref PayloadWriter w, double v) => w.Write(v), (ref PayloadReader r) => r.ReadDouble());

    [Fact]
    public void Single_Any_IsTheSameHereAndForThePeer() => Check<float>((ref PayloadWriter w, float v) => w.Write(v), (ref PayloadReader r) => r.ReadSingle());

    [Fact]
    public void Boolean_Any_IsTheSameHereAndForThePeer() => Check<bool>((ref PayloadWriter w, bool v) => w.Write(v), (ref PayloadReader r) => r.ReadBoolean());

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(int.MinValue - 1L)]
    [InlineData(int.MinValue)]
    [InlineData(short.MinValue - 1L)]
    [InlineData(short.MinValue)]
    [InlineData(sbyte.MinValue - 1L)]
    [InlineData(sbyte.MinValue)]
    [InlineData(-33L)]
    [InlineData(-32L)]
    [InlineData(-1L)]
    [InlineData(0L)]
    [InlineData(127L)]
    [InlineData(128L)]
    [InlineData(255L)]
    [InlineData(256L)]
    [InlineData(65535L)]
    [InlineData(65536L)]
    [InlineData(uint.MaxValue)]
    [InlineData(uint.MaxValue + 1L)]
    [InlineData(long.MaxValue)]
    public void Int64_BoundariesOfForms_TakeTheShortestForm(long value)
    {
        var bytes = Payloads.Encode((ref PayloadWriter w) => w.Write(value));

        Assert.Equal(MessagePackSerializer.Serialize(value, cancellationToken: TestContext.Current.CancellationToken), bytes);
        Assert.Equal(value, Payloads.Decode(bytes, (ref PayloadReader r) => r.ReadInt64()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65535)]
    [InlineData(65536)]
    [InlineData(1_000_000)]
    public void String_LengthsAtBoundaries_AreTheSameForThePeer(int length)
    {
        foreach (var text in (string[])[new string('a', length), new string('é', length), new string('€', length)])
        {
            var bytes = Payloads.Encode((ref PayloadWriter w) => w.Write(text));

            Assert.Equal(text, MessagePackSerializer.Deserialize<string>(bytes, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(text, Payloads.Decode(bytes, (ref PayloadReader r) => r.ReadString()));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65536)]
    public void Bytes_LengthsAtBoundaries_AreTheSameForThePeer(int length)
    {
        var value = new byte[length];
        Random.Shared.NextBytes(value);

        var bytes = Payloads.Encode((ref PayloadWriter w) => w.WriteBytes(value));

        Assert.Equal(MessagePackSerializer.Serialize(value, cancellationToken: TestContext.Current.CancellationToken), bytes);
        Assert.Equal(value, Payloads.Decode(bytes, (ref PayloadReader r) => r.ReadBytes().ToArray()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(65535)]
    [InlineData(65536)]
    public void ArraysAndMaps_CountsAtBoundaries_AreReadByThePeer(int count)
    {
        var bytes = Payloads.Encode((ref PayloadWriter w) =>
        {
            w.WriteMapHeader(count);
            for (var i = 0; i < count; i++)
            {
                w.Write((long)i);
                w.WriteArrayHeader(1);
                w.Write((long)-i);
            }
        });

        var peer = MessagePackSerializer.Deserialize<Dictionary<int, int[]>>(bytes, cancellationToken: TestContext.Current.CancellationToken);
        var skipped = new PayloadReader(bytes);
        skipped.Skip();

        Assert.Equal(count, peer.Count);
        Assert.All(peer, p => Assert.Equal(-p.Key, p.Value[0]));
        Assert.True(skipped.End);
    }

    private static void Check<T>(WriteValue<T> write, Read<T> read) => Prop.ForAll<T>(value =>
    {
        var bytes = Payloads.Encode((ref PayloadWriter w) => write(ref w, value));
        return Equals(value, Payloads.Decode(bytes, read))
            && Equals(value, MessagePackSerializer.Deserialize<T>(bytes))
            && Equals(value, Payloads.Decode(MessagePackSerializer.Serialize(value), read));
    }).Check(s_config);
}
