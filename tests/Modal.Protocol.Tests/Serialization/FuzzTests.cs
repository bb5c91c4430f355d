using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Foreign bytes end in a value or a <see cref="PayloadException"/>, and take memory in proportion to their length, whatever they claim.</summary>
public sealed class FuzzTests
{
    // The same bytes each time: a failure names its round, and the round can be run again.
    private const int Seed = 20261124;

    // What one refusal may take: the exception, its message and its stack trace.
    private const long FixedBytes = 64 * 1024;

    // The most that a value takes for a byte of input: a map header lets its caller allocate two references for two bytes; a URI holds its text in a few forms.
    private const long BytesForByte = 24;

    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(500).WithQuietOnSuccess(true);

    [Fact]
    public void Reads_PublicMethodsThatRead_AreAllFuzzed()
    {
        var methods = new[] { typeof(PayloadReader), typeof(WellKnownCodecs), typeof(ArgumentsCodec) }
            .SelectMany(t => t.GetMethods())
            .Select(m => m.Name)
            .Where(n => n.StartsWith("Read", StringComparison.Ordinal) || n.StartsWith("TryRead", StringComparison.Ordinal) || n == "Skip");

        Assert.Equal(methods.Distinct().Order(), Reads.All.Select(r => r.Name).Distinct().Order());
    }

    [Fact]
    public void Read_RandomBytes_GivesAValueOrAPayloadException()
    {
        var random = new Random(Seed);
        for (var round = 0; round < 5000; round++)
        {
            var bytes = new byte[random.Next(0, 40)];
            random.NextBytes(bytes);
            ProbeAll(bytes, $"round {round}");
        }
    }

    [Fact]
    public void Read_EveryFirstByte_GivesAValueOrAPayloadException()
    {
        var random = new Random(Seed);
        for (var code = 0; code <= byte.MaxValue; code++)
        {
            foreach (var length in (int[])[1, 2, 3, 5, 9, 18, 300])
            {
                var bytes = new byte[length];
                random.NextBytes(bytes);
                bytes[0] = (byte)code;
                ProbeAll(bytes, $"code {code}");
            }
        }
    }

    [Fact]
    public void Read_DamagedValue_GivesAValueOrAPayloadException() => Prop.ForAll(Tree.Any, Integers.UpTo(int.MaxValue).ToArbitrary(), (tree, seed) =>
    {
        ProbeAll(Damage.Of(tree.Bytes, new Random((int)seed)), $"seed {seed} of {tree}");
    }).Check(s_config);

    [Fact]
    public void Read_DamagedWellKnownValue_GivesAValueOrAPayloadException()
    {
        var random = new Random(Seed);
        byte[][] whole =
        [
            Payloads.Encode(WellKnownCodecs.WriteGuid, Guid.NewGuid()),
            Payloads.Encode(WellKnownCodecs.WriteDateTime, DateTime.MaxValue),
            Payloads.Encode(WellKnownCodecs.WriteDateTimeOffset, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.FromHours(14))),
            Payloads.Encode(WellKnownCodecs.WriteDateOnly, DateOnly.MaxValue),
            Payloads.Encode(WellKnownCodecs.WriteTimeOnly, TimeOnly.MaxValue),
            Payloads.Encode(WellKnownCodecs.WriteDecimal, decimal.MinValue),
            Payloads.Encode<Uri?>(WellKnownCodecs.WriteUri, new Uri("https://user@[::1%25lo]:8080/a%20b?q=ü#f")),
            Payloads.Encode<Uri?>(WellKnownCodecs.WriteUri, new Uri("http://xn--mnchen-3ya.de/")),
            Payloads.Encode<Uri?>(WellKnownCodecs.WriteUri, new Uri("../%ff/é?x", UriKind.Relative)),
            Payloads.Encode<Version?>(WellKnownCodecs.WriteVersion, new Version(1, 2, 3, 4)),
            Payloads.Encode(WellKnownCodecs.WriteBigInteger, BigInteger.Pow(7, 90)),
            Payloads.Encode(WellKnownCodecs.WriteInt128, Int128.MinValue),
        ];

        for (var round = 0; round < 200; round++)
        {
            for (var i = 0; i < whole.Length; i++)
            {
                ProbeAll(Damage.Of(whole[i], random), $"round {round} of value {i}");
            }
        }
    }

    [Fact]
    public void Read_OneAfterAnother_ReachesTheEndOrAPayloadException() => Prop.ForAll(Tree.Any, Integers.UpTo(int.MaxValue).ToArbitrary(), (tree, seed) =>
    {
        var random = new Random((int)seed);
        var bytes = Damage.Of(tree.Bytes, random);
        Probe(bytes, $"seed {seed} of {tree}", (ref PayloadReader r) =>
        {
            // Each but a refused nil takes a byte at least; without an end this would be a hang.
            for (var reads = 0; !r.End; reads++)
            {
                Assert.True(reads < 1000 + (bytes.Length * 50), "The reads do not come to an end.");
                Reads.All[random.Next(Reads.All.Count)].Read(ref r);
            }

            return null;
        });
    }).Check(s_config);

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(1 << 20)]
    public void Read_CountsThatLie_TakeMemoryInProportionToTheInput(int length)
    {
        foreach (var code in (byte[])[0xc6, 0xc9, 0xdb, 0xdd, 0xdf])
        {
            foreach (var claim in (uint[])[(uint)length, (uint)length / 2, (uint)length + 1, int.MaxValue, 0x80000000, uint.MaxValue])
            {
                var bytes = new byte[5 + length];
                Array.Fill(bytes, (byte)'a', 5, length);
                bytes[0] = code;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), claim);
                ProbeAll(bytes, $"code {code:x2} that claims {claim}");
                ProbeAll([0x92, .. bytes, 0xc3], $"code {code:x2} that claims {claim}, inside an array of two");
            }
        }
    }

    [Fact]
    public void Skip_NestedWithoutEnd_DoesNotOverflowTheStack()
    {
        var bytes = new byte[5_000_000];
        Array.Fill(bytes, (byte)0x91);

        Assert.Throws<PayloadException>(() => Payloads.Decode<object?>(bytes, (ref PayloadReader r) =>
        {
            r.Skip();
            return null;
        }));
    }

    private static void ProbeAll(byte[] bytes, string what)
    {
        foreach (var (name, read) in Reads.All)
        {
            Probe(bytes, $"{name}, {what}", read);
        }
    }

    private static void Probe(byte[] bytes, string what, Read<object?> read)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var reader = new PayloadReader(bytes);
            read(ref reader);
            Assert.InRange(reader.Position, 0, bytes.Length);
        }
        catch (PayloadException)
        {
            // The only exception allowed.
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}, bytes {Hex(bytes)}: {e}");
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= FixedBytes + (BytesForByte * bytes.Length), $"{what} took {allocated} bytes for {bytes.Length}: {Hex(bytes)}");
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes, 0, Math.Min(bytes.Length, 1000));
}
