using Microsoft.Win32.SafeHandles;

namespace Modal.Backend.Store.Native;

/// <summary>Reading that does not stop early: one call may give less than there is.</summary>
internal static class Reading
{
    /// <summary>Fills a buffer as far as the file goes.</summary>
    /// <returns>How many bytes; fewer than the buffer has only at the file's end.</returns>
    public static int Fill(SafeFileHandle file, long offset, Span<byte> buffer)
    {
        var length = 0;
        while (length < buffer.Length && RandomAccess.Read(file, buffer[length..], offset + length) is var read and > 0)
        {
            length += read;
        }

        return length;
    }
}
