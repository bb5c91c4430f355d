using CliWrap;
using CliWrap.Buffered;
using Xunit;

namespace Modal.TestKit;

/// <summary>Programs of Debian that tests use as peers.</summary>
internal static class AptPackages
{
    /// <summary>Installs what is missing; skips the test where that cannot be.</summary>
    /// <param name="packages">Packages, each with a program of its name in /usr/bin.</param>
    public static async Task RequireAsync(params string[] packages)
    {
        var missing = packages.Where(static p => !File.Exists($"/usr/bin/{p}")).ToArray();
        if (missing.Length > 0)
        {
            var reason = await InstallAsync(missing);
            Assert.SkipWhen(reason is not null, reason ?? "");
        }
    }

    /// <summary>Installs packages.</summary>
    /// <param name="packages">Which.</param>
    /// <returns>Null, or why they cannot be installed here.</returns>
    public static async Task<string?> InstallAsync(params string[] packages)
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/apt-get"))
        {
            return $"{string.Join(" and ", packages)} must be installed for this test.";
        }

        // RUNLEVEL: a package may start a service of its own.
        await Cli.Wrap("apt-get").WithArguments(["install", "-y", "-qq", "--no-install-recommends", .. packages])
            .WithEnvironmentVariables(static e => e.Set("DEBIAN_FRONTEND", "noninteractive").Set("RUNLEVEL", "1")).ExecuteBufferedAsync();
        return null;
    }
}
