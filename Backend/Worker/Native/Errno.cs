using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>errno.h, as far as it is looked at here. The same on x86-64 and arm64.</summary>
internal static class Errno
{
    public const int EINTR = 4;
    public const int ECHILD = 10;
    public const int EAGAIN = 11;
    public const int EPIPE = 32;
    public const int ECONNRESET = 104;

    /// <summary>The result, or an exception that names the call and the fault.</summary>
    public static int Check(int result, string call) => result >= 0
        ? result
        : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{call} failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
