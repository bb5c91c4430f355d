using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.Functions;

/// <summary>A daemon in a state directory of its own and an app on it.</summary>
internal sealed class BenchmarkApp : IAsyncDisposable
{
    private readonly App _app;

    private BenchmarkApp(App app, string state)
    {
        _app = app;
        Server = new ServerClient(Path.Combine(state, "daemon.sock"));
    }

    public ServerClient Server { get; }

    public string Sandbox => _app.Sandbox;

    public static async Task<BenchmarkApp> StartAsync()
    {
        // The Sdk reads the variables once per process: all benchmarks of a run share the directory.
        var state = Environment.GetEnvironmentVariable("MODAL_STATE_DIR");
        if (string.IsNullOrEmpty(state))
        {
            (state, _) = TestState.Create("bench");
            Environment.SetEnvironmentVariable("MODAL_STATE_DIR", state);
            Environment.SetEnvironmentVariable("MODAL_HOST", HostPaths.HostProgram);
        }

        return new BenchmarkApp(await App.RunAsync("benchmarks"), state);
    }

    public async ValueTask DisposeAsync()
    {
        Server.Dispose();
        await _app.DisposeAsync();
    }
}
