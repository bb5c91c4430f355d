using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Foreign bytes end in a <see cref="PayloadException"/> or a value, and never take much memory.</summary>
public sealed class FuzzTests
{
    // The same bytes each time: a failure names its round, and the round can be run again.
    private const int Seed = 20261124;

    private static readonly Action<byte[]>[] s_reads =
    [
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadInt64()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadUInt64()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadDouble()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadSingle()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadBoolean()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadString()),
        b => Payloads.Decode(b, (ref PayloadReader r) => r.ReadBytes().Length),
        b => Payloads.Decode(b, (ref PayloadReader r) => new object[r.ReadArrayHeader()].Length),
        b => Payloads.Decode(b, (ref PayloadReader r) => new object[r.ReadMapHeader()].Length),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadGuid(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadDecimal(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadDateTime(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadDateTimeOffset(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadDateOnly(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadTimeOnly(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadUri(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadVersion(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadBigInteger(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadHalf(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => WellKnownCodecs.ReadInt128(ref r)),
        b => Payloads.Decode(b, (ref PayloadReader r) => Skip(ref r)),
    ];

    [Fact]
    public void Read_RandomBytes_GivesAValueOrAPayloadException()
    {
        var random = new Random(Seed);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(0, 40)];
            random.NextBytes(bytes);
            Probe(bytes, round);
        }
    }

    [Fact]
    public void Read_HugeCounts_AllocateNothingMuch()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        foreach (var code in (byte[])[0xc6, 0xdb, 0xdd, 0xdf, 0xc9])
        {
            Probe([code, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3], code);
            Probe([code, 0xff, 0xff, 0xff, 0xff], code);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * 1024 * 1024);
    }

    [Fact]
    public void Skip_NestedWithoutEnd_DoesNotOverflowTheStack()
    {
        var bytes = new byte[5_000_000];
        Array.Fill(bytes, (byte)0x91);

        Assert.Throws<PayloadException>(() => Payloads.Decode(bytes, (ref PayloadReader r) => Skip(ref r)));
    }

    private static void Probe(byte[] bytes, int round)
    {
        for (var i = 0; i < s_reads.Length; i++)
        {
            try
            {
                s_reads[i](bytes);
            }
            catch (PayloadException)
            {
                // The only exception allowed.
            }
            catch (Exception e)
            {
                Assert.Fail($"Round {round}, read {i}, bytes {Convert.ToHexString(bytes)}: {e}");
            }
        }
    }

    private static int Skip(ref PayloadReader reader)
    {
        reader.Skip();
        return reader.Position;
    }
}
