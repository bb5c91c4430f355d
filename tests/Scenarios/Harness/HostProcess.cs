using System.Diagnostics;

namespace Modal.Scenarios.Harness;

/// <summary>The host program as a process of its own.</summary>
internal static class HostProcess
{
    /// <summary>Starts it; what it prints is dropped.</summary>
    /// <param name="state">Its state directory.</param>
    /// <param name="options">More of its command line.</param>
    public static Process Serve(string state, params string[] options)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[HostPaths.HostProgram, "serve", "--state-dir", state, .. options])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Asks it to stop and waits until it has.</summary>
    public static async Task StopAsync(Process host)
    {
        Signal.Send(host.Id, Signal.Terminate);
        await host.WaitForExitAsync(CancellationToken.None);
        host.Dispose();
    }
}
