using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Modal.Backend.Native;

/// <summary>errno.h, as far as it is looked at here. The same on x86-64 and arm64.</summary>
internal static class Errno
{
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int ECHILD = 10;
    public const int EAGAIN = 11;
    public const int EBUSY = 16;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int EROFS = 30;
    public const int EPIPE = 32;
    public const int ERANGE = 34;
    public const int ENAMETOOLONG = 36;
    public const int ENOSYS = 38;
    public const int ENODATA = 61;
    public const int EPROTO = 71;
    public const int ECONNRESET = 104;
    public const int ESTALE = 116;

    /// <summary>The result, or an exception that names the call and the fault.</summary>
    public static int Check(int result, string call) => result >= 0 ? result : throw Failed(call);

    /// <summary>An exception that names the call and the fault that it just had.</summary>
    public static Win32Exception Failed(string call)
    {
        var error = Marshal.GetLastPInvokeError();
        return new Win32Exception(error, $"{call} failed: {Marshal.GetPInvokeErrorMessage(error)}");
    }
}
