using System.Runtime.InteropServices;

namespace Modal.Backend.Runner.Native;

/// <summary>malloc.h: memory of native code.</summary>
internal static partial class Malloc
{
    /// <summary>Gives free memory of native code back, where the C library can.</summary>
    public static void Trim()
    {
        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc: it keeps what it has.
        }
    }

    // man 3 malloc_trim
    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint pad);
}
