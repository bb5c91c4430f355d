using Modal.Scenarios.Harness;
using Xunit;

[assembly: AssemblyFixture(typeof(DaemonFixture))]

namespace Modal.Scenarios.Harness;

/// <summary>A state directory of these tests' own, so that the daemon they start is theirs, and an app on it that in-process tests share.</summary>
public sealed class DaemonFixture : IAsyncLifetime
{
    private App? _app;

    public static string StateDirectory { get; private set; } = "";

    public App App => _app ?? throw new InvalidOperationException("The fixture was not initialized.");

    public async ValueTask InitializeAsync()
    {
        var (state, _) = TestState.Create("main");
        StateDirectory = state;
        Environment.SetEnvironmentVariable("MODAL_STATE_DIR", state);
        Environment.SetEnvironmentVariable("MODAL_HOST", HostPaths.HostProgram);
        _app = await App.RunAsync("scenarios");
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        await TestState.StopAsync(StateDirectory);
    }

    /// <summary>Skips a test that is about isolation or gVisor where there is none.</summary>
    public void RequireGVisor() =>
        Assert.SkipUnless(App.Sandbox == "gvisor", $"Containers run as '{App.Sandbox}' here, not in gVisor: this test needs root and runsc.");
}
