using CliWrap;
using CliWrap.Buffered;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>Programs that look at mounts from outside.</summary>
internal static class Shell
{
    private static readonly string[] s_folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];

    /// <summary>Runs a line of sh and gives what it printed.</summary>
    public static async Task<string> RunAsync(string line)
    {
        var result = await Cli.Wrap("/bin/sh").WithArguments(["-c", line]).WithEnvironmentVariables(e => e.Set("LC_ALL", "C")).WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode == 0, $"{line}\nended with {result.ExitCode}:\n{result.StandardOutput}{result.StandardError}");
        return result.StandardOutput;
    }

    /// <summary>Whether a program is installed.</summary>
    public static bool Has(string program) => s_folders.Any(f => File.Exists(Path.Combine(f, program)));
}
