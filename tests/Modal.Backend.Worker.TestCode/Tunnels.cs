using System.Globalization;
using System.Runtime.InteropServices;
using Modal.Runtime;

namespace Modal.Backend.Worker.TestCode;

/// <summary>Speaks to the server, and to the worker as no runner does.</summary>
internal static partial class Tunnels
{
    /// <summary>Sends so many bytes to the server while it reads as many, and says whether they are the same; or what was thrown.</summary>
    public static async ValueTask<string> EchoAsync(int bytes)
    {
        if (ContainerContext.Current is not { Connect: { } connect } context)
        {
            return "may not connect";
        }

        try
        {
            await using var stream = await connect(CancellationToken.None);
            var sent = new byte[bytes];
            new Random(1).NextBytes(sent);
            var writing = stream.WriteAsync(sent).AsTask();
            var received = new byte[bytes];
            await stream.ReadExactlyAsync(received);
            await writing;
            return $"{context.ContainerId} {context.AppId} {received.AsSpan().SequenceEqual(sent)}";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    /// <summary>Writes hexadecimal bytes into each descriptor that may be the channel to the worker, then waits.</summary>
    public static int Forge(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        for (var descriptor = 10; descriptor < 256; descriptor++)
        {
            _ = send(descriptor, bytes, (nuint)bytes.Length, 0);
        }

        Thread.Sleep(30_000);
        return int.Parse("1", CultureInfo.InvariantCulture);
    }

    // man 2 send
    [LibraryImport("libc")]
    private static partial nint send(int sockfd, byte[] buf, nuint len, int flags);
}
