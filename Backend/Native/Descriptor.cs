using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Modal.Backend.Native;

/// <summary>Owns one file descriptor.</summary>
internal sealed partial class Descriptor : SafeHandleMinusOneIsInvalid
{
    public Descriptor(int number)
        : base(ownsHandle: true) => SetHandle(number);

    /// <summary>The number, for calls that keep it no longer than this object lives.</summary>
    public int Number => (int)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    // man 2 close
    [LibraryImport("libc")]
    private static partial int close(int fd);
}
