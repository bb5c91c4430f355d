using System.Buffers;
using System.Text;
using Modal.Backend.Runner.Channel;
using Modal.Backend.Runner.Execution;
using Modal.Protocol;

namespace Modal.Backend.Runner.Output;

/// <summary>What <see cref="Console.Out"/> and <see cref="Console.Error"/> are inside the sandbox: each piece of text carries the attempt that printed it.</summary>
internal sealed class AttemptWriter(OutputSource source, OutputWindow window, Outgoing outgoing, Action wakeWatch) : TextWriter(System.Globalization.CultureInfo.InvariantCulture)
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <inheritdoc/>
    public override Encoding Encoding => s_utf8;

    /// <inheritdoc/>
    public override void Write(char value) => Write([value]);

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    public override void WriteLine(string? value) => WriteLine(value.AsSpan());

    /// <inheritdoc/>
    public override void WriteLine(ReadOnlySpan<char> buffer)
    {
        // In one piece, so that lines of concurrent inputs do not mix.
        var whole = ArrayPool<char>.Shared.Rent(buffer.Length + CoreNewLine.Length);
        buffer.CopyTo(whole);
        CoreNewLine.CopyTo(whole.AsSpan(buffer.Length));
        Write(whole.AsSpan(0, buffer.Length + CoreNewLine.Length));
        ArrayPool<char>.Shared.Return(whole);
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(s_utf8.GetMaxByteCount(buffer.Length));
        var length = s_utf8.GetBytes(buffer, bytes);
        window.Send(source, AttemptRun.Current.Value?.WriterId ?? 0, bytes.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(bytes);
        if (buffer.Contains('\n'))
        {
            // At once, as the console does: a line printed before a crash is the one that explains it.
            outgoing.FlushNow();
        }
        else
        {
            wakeWatch();
        }
    }

    /// <inheritdoc/>
    public override void Flush() => outgoing.FlushNow();
}
