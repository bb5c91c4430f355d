using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Modal.Backend.Native;

/// <summary>spawn.h: a child with exactly the descriptors it is given as 0, 1 and 2, which the framework's Process class cannot do.</summary>
internal static unsafe partial class Spawn
{
    public const short POSIX_SPAWN_SETSIGDEF = 0x04;
    public const short POSIX_SPAWN_SETSIGMASK = 0x08;
    public const short POSIX_SPAWN_SETSID = 0x80;

    // Room for the opaque structs of any libc; glibc's are 80, 336 and 128 bytes.
    public const int OpaqueBytes = 512;

    /// <summary>Starts a program in a session of its own, with default signal handling.</summary>
    /// <param name="arguments">The program's path and its arguments.</param>
    /// <param name="environment">All of its environment, as NAME=value.</param>
    /// <param name="workingDirectory">Where it starts; null for where this process is.</param>
    /// <param name="input">Its descriptor 0.</param>
    /// <param name="output">Its descriptor 1; null for this process's standard error.</param>
    /// <param name="error">Its descriptor 2; null for this process's own.</param>
    /// <returns>Its process id.</returns>
    public static int Start(
        IReadOnlyList<string> arguments, IEnumerable<string> environment, string? workingDirectory, Descriptor input, Descriptor? output, Descriptor? error)
    {
        var actions = stackalloc byte[OpaqueBytes];
        var attributes = stackalloc byte[OpaqueBytes];
        var signals = stackalloc byte[OpaqueBytes];
        var arg = CStrings(arguments);
        var env = CStrings([.. environment]);
        Succeed(posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init");
        Succeed(posix_spawnattr_init(attributes), "posix_spawnattr_init");
        try
        {
            if (workingDirectory is not null)
            {
                Succeed(posix_spawn_file_actions_addchdir_np(actions, workingDirectory), "posix_spawn_file_actions_addchdir_np");
            }

            Succeed(posix_spawn_file_actions_adddup2(actions, input.Number, 0), "posix_spawn_file_actions_adddup2");
            Succeed(posix_spawn_file_actions_adddup2(actions, output?.Number ?? 2, 1), "posix_spawn_file_actions_adddup2");
            if (error is not null)
            {
                Succeed(posix_spawn_file_actions_adddup2(actions, error.Number, 2), "posix_spawn_file_actions_adddup2");
            }

            // The runtime ignores SIGPIPE and blocks others; a child would inherit that.
            _ = sigfillset(signals);
            Succeed(posix_spawnattr_setsigdefault(attributes, signals), "posix_spawnattr_setsigdefault");
            _ = sigemptyset(signals);
            Succeed(posix_spawnattr_setsigmask(attributes, signals), "posix_spawnattr_setsigmask");
            Succeed(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID), "posix_spawnattr_setflags");

            int pid;
            Succeed(posix_spawn(&pid, arguments[0], actions, attributes, arg, env), $"Starting {arguments[0]}");
            return pid;
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
            Free(arg);
            Free(env);
        }
    }

    private static byte** CStrings(IReadOnlyList<string> strings)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < strings.Count; i++)
        {
            array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        return array;
    }

    private static void Free(byte** array)
    {
        for (var p = array; *p is not null; p++)
        {
            Marshal.FreeCoTaskMem((nint)(*p));
        }

        NativeMemory.Free(array);
    }

    // These return the fault instead of setting errno.
    private static void Succeed(int fault, string call)
    {
        if (fault != 0)
        {
            throw new Win32Exception(fault, $"{call} failed: {Marshal.GetPInvokeErrorMessage(fault)}");
        }
    }

    // man 3 posix_spawn
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(int* pid, string path, byte* fileActions, byte* attributes, byte** argv, byte** envp);

    // man 3 posix_spawn_file_actions_init
    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* fileActions);

    // man 3 posix_spawn_file_actions_destroy
    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* fileActions);

    // man 3 posix_spawn_file_actions_adddup2
    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* fileActions, int fildes, int newfildes);

    // man 3 posix_spawn_file_actions_addchdir_np
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addchdir_np(byte* fileActions, string path);

    // man 3 posix_spawnattr_init
    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    // man 3 posix_spawnattr_destroy
    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    // man 3 posix_spawnattr_setflags
    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    // man 3 posix_spawnattr_setsigdefault
    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    // man 3 posix_spawnattr_setsigmask
    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    // man 3 sigfillset
    [LibraryImport("libc")]
    private static partial int sigfillset(byte* set);

    // man 3 sigemptyset
    [LibraryImport("libc")]
    private static partial int sigemptyset(byte* set);
}
