using System.Text;

namespace Modal.Backend.Worker.Containers;

/// <summary>The last of what a process wrote to standard error, and whether .NET announced a stack overflow in it.</summary>
internal sealed class StderrTail
{
    private const int KeptBytes = 8 * 1024;

    // What the runtime prints before it aborts; nothing else tells a stack overflow from another abort.
    private static readonly byte[] s_overflow = "Stack overflow."u8.ToArray();

    private readonly byte[] _ring = new byte[KeptBytes];
    private long _written;
    private int _matched;

    /// <summary>Whether the announcement was seen.</summary>
    public bool SawStackOverflow { get; private set; }

    /// <summary>Adds bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        Match(bytes);
        if (bytes.Length > KeptBytes)
        {
            _written += bytes.Length - KeptBytes;
            bytes = bytes[^KeptBytes..];
        }

        foreach (var b in bytes)
        {
            _ring[_written++ % KeptBytes] = b;
        }
    }

    /// <summary>Whole lines, at most the last 8 KiB.</summary>
    public override string ToString()
    {
        var length = (int)Math.Min(_written, KeptBytes);
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = _ring[(_written - length + i) % KeptBytes];
        }

        var text = Encoding.UTF8.GetString(bytes);
        var cut = _written > KeptBytes ? text.IndexOf('\n', StringComparison.Ordinal) + 1 : 0;
        return text[cut..].TrimEnd();
    }

    private void Match(ReadOnlySpan<byte> bytes)
    {
        if (SawStackOverflow)
        {
            return;
        }

        // A first letter that occurs once in the pattern: falling back to it is all that a mismatch needs.
        foreach (var b in bytes)
        {
            _matched = b == s_overflow[_matched] ? _matched + 1 : b == s_overflow[0] ? 1 : 0;
            if (_matched == s_overflow.Length)
            {
                SawStackOverflow = true;
                return;
            }
        }
    }
}
