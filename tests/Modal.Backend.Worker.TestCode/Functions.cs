using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.TestCode;

/// <summary>What user code does, right and wrong.</summary>
internal static unsafe partial class Functions
{
    /// <summary>Prints the same word three ways: through the console, from a child process, and by a system call.</summary>
    public static string Print(string word)
    {
        Console.WriteLine($"console {word}");
        Console.Error.WriteLine($"error {word}");
        using (var child = Process.Start("/bin/sh", ["-c", $"echo child {word}"]))
        {
            child.WaitForExit();
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes($"native {word}\n");
        fixed (byte* p = bytes)
        {
            _ = write(1, p, (nuint)bytes.Length);
        }

        return word;
    }

    public static string Throw(string message) => throw new InvalidOperationException(message, new FormatException("inner"));

    public static int Exit(int code)
    {
        Console.WriteLine("leaving");
        Environment.Exit(code);
        return code;
    }

    public static int NativeExit(int code)
    {
        _exit(code);
        return code;
    }

    public static string FailFast(string message)
    {
        Console.WriteLine("last words");
        Environment.FailFast(message);
        return message;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Overflow(int x) => x == int.MaxValue ? 0 : Overflow(x + 1) + 1;

    public static int AllocateNative(int blocks)
    {
        for (var i = 0; i < blocks; i++)
        {
            const int Size = 16 * 1024 * 1024;
            new Span<byte>(NativeMemory.Alloc(Size), Size).Fill(1);
        }

        return blocks;
    }

    public static int AllocateManaged(int blocks)
    {
        var kept = new List<byte[]>();
        for (var i = 0; i < blocks; i++)
        {
            kept.Add(new byte[16 * 1024 * 1024]);
        }

        return kept.Count;
    }

    /// <summary>Prints through the console and, as much again, through a pipe.</summary>
    public static int PrintMuch(int megabytes)
    {
        var text = new string('x', (1024 * 1024) - 1);
        var bytes = new byte[1024 * 1024];
        Array.Fill(bytes, (byte)'y');
        using var pipe = Console.OpenStandardOutput();
        for (var i = 0; i < megabytes; i++)
        {
            Console.WriteLine(text);
            pipe.Write(bytes);
        }

        return megabytes;
    }

    public static int Sleep(int milliseconds)
    {
        Thread.Sleep(milliseconds);
        return milliseconds;
    }

    /// <summary>Writes megabytes to a new file; throws what the system says.</summary>
    public static int Fill(int megabytes)
    {
        var bytes = new byte[1024 * 1024];
        using var file = File.Create($"/tmp/{Guid.NewGuid():N}");
        for (var i = 0; i < megabytes; i++)
        {
            file.Write(bytes);
        }

        return megabytes;
    }

    /// <summary>Computes on two threads for so many milliseconds.</summary>
    public static int Spin(int milliseconds)
    {
        var until = Environment.TickCount64 + milliseconds;
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (Environment.TickCount64 < until)
            {
                Thread.SpinWait(1000);
            }
        })).ToArray();
        Array.ForEach(threads, static t => t.Start());
        Array.ForEach(threads, static t => t.Join());
        return milliseconds;
    }

    /// <summary>Starts processes that do nothing until no more can be made; throws what the system says.</summary>
    public static int Fork(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Process.Start("/bin/sleep", ["600"]).Dispose();
        }

        return count;
    }

    /// <summary>Content of a file, entries of a folder, or the type of the exception.</summary>
    public static string Read(string path)
    {
        try
        {
            return Directory.Exists(path) ? string.Join('\n', Directory.EnumerateFileSystemEntries(path)) : File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.GetType().Name;
        }
    }

    public static string Connect(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return "connected";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
    }

    // man 2 write
    [LibraryImport("libc")]
    private static partial nint write(int fd, byte* buf, nuint count);

    // man 2 _exit
    [LibraryImport("libc")]
    private static partial void _exit(int status);
}
