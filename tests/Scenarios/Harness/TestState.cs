using CliWrap;

namespace Modal.Scenarios.Harness;

/// <summary>State directories of test daemons. The standard base root is shared with the machine's own state: making it takes a minute.</summary>
internal static class TestState
{
    /// <summary>Where the machine's own state has its standard bases.</summary>
    public static string StandardBases { get; } = Environment.IsPrivilegedProcess
        ? "/var/lib/modal/base"
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "modal", "base");

    public static (string State, string Socket) Create(string name)
    {
        // Short, because a Unix socket's path may have 107 characters at most.
        var state = Directory.CreateTempSubdirectory($"modal-{name}-").FullName;
        if (Directory.Exists(StandardBases))
        {
            Directory.CreateSymbolicLink(Path.Combine(state, "base"), StandardBases);
        }

        return (state, Path.Combine(state, "daemon.sock"));
    }

    public static async Task StopAsync(string state)
    {
        // By force: an app whose container was made unable to end by itself is still being stopped, and its daemon would stay.
        await Cli.Wrap("dotnet").WithArguments([HostPaths.HostProgram, "stop", "--force", "--state-dir", state]).WithValidation(CommandResultValidation.None).ExecuteAsync();
        Directory.Delete(state, recursive: true);
    }
}
