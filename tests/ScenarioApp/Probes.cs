using System.Net;
using System.Net.Sockets;

namespace Modal.ScenarioApp;

/// <summary>What user code can see of the machine it runs on.</summary>
public static partial class Probes
{
    /// <summary>What reading or listing a path gives: its content, or the type of the exception.</summary>
    [Function]
    public static string Read(string path)
    {
        try
        {
            return Directory.Exists(path) ? string.Join('\n', Directory.EnumerateFileSystemEntries(path)) : File.ReadAllText(path);
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    [Function]
    public static string Write(string path)
    {
        try
        {
            File.WriteAllText(path, "written from inside");
            return "written";
        }
        catch (Exception e)
        {
            return e.GetType().Name;
        }
    }

    /// <summary>Command lines of all processes that can be seen.</summary>
    [Function]
    public static string[] Processes() =>
        [.. Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)).Select(d => Read(d + "/cmdline").Replace('\0', ' '))];

    [Function]
    public static string ConnectTcp(string host, int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            return socket.ConnectAsync(IPAddress.Parse(host), port).Wait(TimeSpan.FromSeconds(3)) ? "connected" : "no answer";
        }
        catch (AggregateException e)
        {
            return e.InnerException!.GetType().Name;
        }
    }

    [Function]
    public static string ConnectUnix(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return "connected";
        }
        catch (SocketException e)
        {
            return e.GetType().Name;
        }
    }

    [Function]
    public static string UserAndCapabilities() =>
        string.Join('\n', File.ReadAllLines("/proc/self/status").Where(l => l.StartsWith("Uid", StringComparison.Ordinal) || l.StartsWith("Cap", StringComparison.Ordinal) || l.StartsWith("NoNewPrivs", StringComparison.Ordinal)));
}
