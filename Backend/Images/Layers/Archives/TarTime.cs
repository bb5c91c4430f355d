using System.Buffers.Text;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>A point in time since 1970; the nanoseconds go forward also before it.</summary>
internal readonly record struct TarTime(long Seconds, uint Nanoseconds)
{
    private const int NanosecondDigits = 9;

    /// <summary>Reads a decimal number of seconds, as pax headers have it. What is finer than nanoseconds is cut off.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out TarTime time)
    {
        time = default;
        var point = text.IndexOf((byte)'.');
        var whole = point < 0 ? text : text[..point];
        if (!Utf8Parser.TryParse(whole, out long seconds, out var used) || used != whole.Length || seconds is long.MinValue)
        {
            return false;
        }

        uint nanoseconds = 0;
        var fraction = point < 0 ? default : text[(point + 1)..];
        for (var i = 0; i < Math.Max(fraction.Length, NanosecondDigits); i++)
        {
            var digit = i < fraction.Length ? fraction[i] - '0' : 0;
            if (digit is < 0 or > 9)
            {
                return false;
            }

            nanoseconds = i < NanosecondDigits ? (nanoseconds * 10) + (uint)digit : nanoseconds;
        }

        // -5.25 is 750 milliseconds after -6.
        time = text[0] == '-' && nanoseconds > 0 ? new TarTime(seconds - 1, 1_000_000_000 - nanoseconds) : new TarTime(seconds, nanoseconds);
        return true;
    }
}
