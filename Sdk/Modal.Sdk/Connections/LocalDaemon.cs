using System.Diagnostics;
using System.Net.Sockets;

namespace Modal.Connections;

/// <summary>Starts the local daemon. Two processes that start it at once end with one: the daemon itself takes a lock and the loser leaves.</summary>
internal static class LocalDaemon
{
    // A silo needs about a second; a machine under load several. Past this the daemon is broken, and its log says why.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    public static bool IsListening()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(StateDirectory.Socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static async Task StartAsync(CancellationToken cancellationToken)
    {
        var host = HostProgram.Find() ?? throw new ServerUnavailableException(
            $"No server is running and its program is not installed. Run './run --setup' of Modal.Sdk once, set {HostProgram.Variable} to the path of "
            + $"Modal.Backend.Host.dll, or set {ServerAddress.Variable} to the URL of a running server.");
        var logLength = LogLength();
        using var process = Launch(host.Path);
        var started = Stopwatch.GetTimestamp();
        while (!IsListening())
        {
            if (process.HasExited && process.ExitCode != 0)
            {
                throw Failed($"ended with exit code {process.ExitCode}", logLength);
            }

            if (Stopwatch.GetElapsedTime(started) > s_startLimit)
            {
                throw Failed($"did not open its socket {StateDirectory.Socket} within {s_startLimit.TotalSeconds:0} s", logLength);
            }

            await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Process Launch(string hostPath)
    {
        // A session of its own: Ctrl-C in this terminal must not reach a daemon that others use too. The files are closed so that
        // a pipe that waits for our output's end does not wait for the daemon's.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = "/" };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("""exec setsid "$@" </dev/null >/dev/null 2>&1""");
        start.ArgumentList.Add("modal-daemon");
        start.ArgumentList.Add(DotnetPath());
        start.ArgumentList.Add(hostPath);
        start.ArgumentList.Add("serve");
        start.ArgumentList.Add("--state-dir");
        start.ArgumentList.Add(StateDirectory.Path);
        // `dotnet run` and test hosts set these for the caller's own process; the daemon must not inherit them.
        foreach (var name in (ReadOnlySpan<string>)["DOTNET_STARTUP_HOOKS", "DOTNET_MODIFIABLE_ASSEMBLIES", "ASPNETCORE_URLS", "DOTNET_URLS"])
        {
            start.Environment.Remove(name);
        }

        return Process.Start(start) ?? throw new ServerUnavailableException("The local daemon could not be started.");
    }

    private static string DotnetPath() =>
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path && File.Exists(path)
            ? path
            : Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet")) is var beside && File.Exists(beside)
                ? beside
                : "dotnet";

    private static long LogLength() => File.Exists(StateDirectory.Log) ? new FileInfo(StateDirectory.Log).Length : 0;

    private static ServerUnavailableException Failed(string what, long logStart)
    {
        var tail = "";
        if (File.Exists(StateDirectory.Log))
        {
            using var log = new FileStream(StateDirectory.Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            log.Position = Math.Max(Math.Min(logStart, log.Length), log.Length - 4096);
            tail = new StreamReader(log).ReadToEnd();
        }

        return new ServerUnavailableException(
            $"The local daemon {what}. Its log is {StateDirectory.Log}{(tail.Length > 0 ? $" and ends with:{Environment.NewLine}{tail}" : ".")}");
    }
}
