using Microsoft.Win32.SafeHandles;

namespace Modal.Backend.ImageFs.Native;

/// <summary>Owns one file descriptor.</summary>
internal sealed class Descriptor : SafeHandleMinusOneIsInvalid
{
    public Descriptor(int number)
        : base(ownsHandle: true) => SetHandle(number);

    /// <summary>The number, for calls that keep it no longer than this object lives.</summary>
    public int Number => (int)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Unistd.Close((int)handle) == 0;
}
