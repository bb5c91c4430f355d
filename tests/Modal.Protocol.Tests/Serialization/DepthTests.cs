using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Both sides nest to the same depth and refuse one level more, before the stack ends.</summary>
public sealed class DepthTests
{
    [Fact]
    public void Enter_AtTheLimit_IsAllowedOnBothSides()
    {
        var bytes = Payloads.Encode((ref PayloadWriter w) => Write(ref w, PayloadWriter.MaxDepth));

        Assert.Equal(PayloadWriter.MaxDepth, Payloads.Decode(bytes, (ref PayloadReader r) => Read(ref r)));
    }

    [Fact]
    public void WriterEnter_BeyondTheLimit_IsAClearError()
    {
        var error = Assert.Throws<PayloadException>(() => Payloads.Encode((ref PayloadWriter w) => Write(ref w, PayloadWriter.MaxDepth + 1)));

        Assert.Equal("The value is nested deeper than 500 levels. Does it contain itself?", error.Message);
    }

    [Fact]
    public void ReaderEnter_BeyondTheLimit_IsAClearError()
    {
        var bytes = new byte[PayloadWriter.MaxDepth + 2];
        Array.Fill(bytes, (byte)0x91);
        bytes[^1] = 0xc0;

        var error = Assert.Throws<PayloadException>(() => Payloads.Decode(bytes, (ref PayloadReader r) => Read(ref r)));

        Assert.Equal("The value is nested deeper than 500 levels.", error.Message);
    }

    [Fact]
    public void Leave_AfterEachOfManySiblings_GivesTheDepthBack()
    {
        var bytes = Payloads.Encode((ref PayloadWriter w) =>
        {
            for (var i = 0; i < 3 * PayloadWriter.MaxDepth; i++)
            {
                Write(ref w, 2);
            }
        });

        var depths = Payloads.Decode(bytes, (ref PayloadReader r) =>
        {
            var sum = 0;
            while (!r.End)
            {
                sum += Read(ref r);
            }

            return sum;
        });

        Assert.Equal(3 * PayloadWriter.MaxDepth * 2, depths);
    }

    // As generated code does it: enter, the value with those inside it, leave.
    private static void Write(ref PayloadWriter writer, int levels)
    {
        if (levels == 0)
        {
            writer.WriteNil();
            return;
        }

        writer.Enter();
        writer.WriteArrayHeader(1);
        Write(ref writer, levels - 1);
        writer.Leave();
    }

    private static int Read(ref PayloadReader reader)
    {
        if (reader.TryReadNil())
        {
            return 0;
        }

        reader.Enter();
        reader.ReadArrayHeader(1);
        var levels = 1 + Read(ref reader);
        reader.Leave();
        return levels;
    }
}
