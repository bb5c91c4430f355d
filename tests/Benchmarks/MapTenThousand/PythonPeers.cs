using System.Globalization;
using System.Net;
using System.Net.Sockets;
using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.MapTenThousand;

/// <summary>Dask and Celery as Debian packages them; installed when missing and root.</summary>
internal static class PythonPeers
{
    // Debian's interpreter: its packages are not seen by another python that may come first on the path.
    private const string Python = "/usr/bin/python3";

    public static async Task<double> DaskAsync(int inputs)
    {
        await DebianPackages.InstallAsync("python3-distributed", "python3-dask");
        return await RunAsync("dask_map.py", inputs, new Dictionary<string, string?>());
    }

    public static async Task<double> CeleryAsync(int inputs)
    {
        await DebianPackages.InstallAsync("celery", "python3-celery", "python3-redis", "redis-server");
        var port = FreePort.Find();
        var url = $"redis://127.0.0.1:{port}/0";
        using var stop = new CancellationTokenSource();
        var redis = Cli.Wrap("redis-server").WithArguments(["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .WithWorkingDirectory(Path.GetTempPath()).WithValidation(CommandResultValidation.None).ExecuteAsync(stop.Token);
        await OpenAsync(port);
        var said = new System.Text.StringBuilder();
        var worker = Cli.Wrap(Python)
            .WithArguments(["-m", "celery", "-A", "celery_app", "worker", "--concurrency=2", "--pool=prefork", "--loglevel=ERROR"])
            .WithWorkingDirectory(Folder).WithEnvironmentVariables(e => e.Set("CELERY_REDIS", url).Set("C_FORCE_ROOT", "1").Set("PYTHONDONTWRITEBYTECODE", "1"))
            .WithStandardOutputPipe(PipeTarget.ToStringBuilder(said)).WithStandardErrorPipe(PipeTarget.ToStringBuilder(said))
            .WithValidation(CommandResultValidation.None).ExecuteAsync(stop.Token);
        try
        {
            // It says nowhere that it is ready; what comes before that would count against it.
            await Task.Delay(TimeSpan.FromSeconds(5));
            if (worker.Task.IsCompleted)
            {
                throw new InvalidOperationException($"Celery's worker ended: {said}");
            }

            return await RunAsync("celery_map.py", inputs, new Dictionary<string, string?> { ["CELERY_REDIS"] = url, ["PYTHONDONTWRITEBYTECODE"] = "1" });
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(Ignore(redis), Ignore(worker));
        }
    }

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "MapTenThousand");

    private static async Task<double> RunAsync(string script, int inputs, IReadOnlyDictionary<string, string?> environment)
    {
        var result = await Cli.Wrap(Python).WithArguments([Path.Combine(Folder, script), $"{inputs}"])
            .WithWorkingDirectory(Folder).WithEnvironmentVariables(environment).ExecuteBufferedAsync();
        return double.Parse(result.StandardOutput.Trim().Split('\n')[^1], CultureInfo.InvariantCulture);
    }

    private static async Task OpenAsync(int port)
    {
        for (var i = 0; i < 200; i++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }

        throw new TimeoutException($"redis-server did not open port {port}.");
    }

    private static async Task Ignore(CommandTask<CommandResult> task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // Ended on purpose.
        }
    }
}
