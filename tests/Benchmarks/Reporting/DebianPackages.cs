using CliWrap;
using CliWrap.Buffered;

namespace Modal.Benchmarks.Reporting;

/// <summary>Programs of Debian that are measured as peers.</summary>
internal static class DebianPackages
{
    /// <summary>Installs what is missing.</summary>
    public static async Task InstallAsync(params string[] packages)
    {
        var missing = new List<string>();
        foreach (var package in packages)
        {
            var state = await Cli.Wrap("dpkg").WithArguments(["-s", package]).WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
            if (!state.StandardOutput.Contains("install ok installed", StringComparison.Ordinal))
            {
                missing.Add(package);
            }
        }

        if (missing.Count > 0)
        {
            Console.WriteLine($"installing the peer: {string.Join(' ', missing)}");

            // RUNLEVEL: a package may start a service of its own.
            await Cli.Wrap("apt-get").WithArguments(["install", "-y", "-qq", "--no-install-recommends", .. missing])
                .WithEnvironmentVariables(e => e.Set("DEBIAN_FRONTEND", "noninteractive").Set("RUNLEVEL", "1")).ExecuteBufferedAsync();
        }
    }
}
