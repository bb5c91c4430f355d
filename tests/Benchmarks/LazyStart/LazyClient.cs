using System.Globalization;
using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.LazyStart;

/// <summary>One first call of the function, by a process of its own, on a daemon of its own.</summary>
internal static class LazyClient
{
    public const string Argument = "--lazy-client";

    /// <summary>Main of the process: prints how many seconds the call took. What a program does once (code, connection, compiling itself) is done before by a call without an image.</summary>
    public static async Task RunAsync()
    {
        await LazyJobs.Remote.Nothing.CallAsync();
        var seconds = await Stats.SecondsAsync(async () =>
        {
            if (await LazyJobs.Remote.Numpy.CallAsync() != "10")
            {
                throw new InvalidOperationException("numpy counts wrongly.");
            }
        });
        Console.WriteLine(seconds.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Starts a daemon, calls and stops it.</summary>
    public static async Task<double> MeasureAsync(string state, string store)
    {
        using var daemon = HostProcess.Serve(state, "--store", store);
        try
        {
            var output = await Cli.Wrap("dotnet")
                .WithArguments([typeof(LazyClient).Assembly.Location, Argument])
                .WithEnvironmentVariables(e => e.Set("MODAL_STATE_DIR", state).Set("MODAL_HOST", HostPaths.HostProgram))
                .WithStandardErrorPipe(PipeTarget.ToDelegate(Console.Error.WriteLine))
                .ExecuteBufferedAsync();
            return double.Parse(output.StandardOutput.Trim().Split('\n')[^1], CultureInfo.InvariantCulture);
        }
        finally
        {
            await HostProcess.StopAsync(daemon);
        }
    }
}
