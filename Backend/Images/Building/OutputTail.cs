using System.Text;

namespace Modal.Backend.Images.Building;

/// <summary>The last lines that a step printed.</summary>
internal sealed class OutputTail
{
    private const int MaxBytes = 16 * 1024;
    private const int MaxLines = 20;

    private readonly Lock _gate = new();
    private readonly byte[] _ring = new byte[MaxBytes];
    private long _written;

    public void Add(ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            foreach (var b in data.Length > MaxBytes ? data[^MaxBytes..] : data)
            {
                _ring[_written++ % MaxBytes] = b;
            }
        }
    }

    public override string ToString()
    {
        lock (_gate)
        {
            var length = (int)Math.Min(_written, MaxBytes);
            var bytes = new byte[length];
            for (var i = 0; i < length; i++)
            {
                bytes[i] = _ring[(_written - length + i) % MaxBytes];
            }

            // What a progress bar has overwritten is not a line.
            var lines = Encoding.UTF8.GetString(bytes).Split('\n').Select(static l => l.TrimEnd('\r').Split('\r')[^1]).Where(static l => l.Length > 0);
            return string.Join('\n', lines.TakeLast(MaxLines));
        }
    }
}
