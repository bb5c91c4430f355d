using System.Diagnostics;
using System.Globalization;
using System.Text;
using Modal.Backend.ImageFs.Tests.Testing;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Supervising;

/// <summary>Memory of the real server process. Needs root and /dev/fuse.</summary>
public sealed class ServerMemoryTests
{
    private const int Files = 100_000;
    private const int PerProcess = 12_500;

    [Fact]
    public async Task Serve_AHundredThousandOpenFiles_TakesLessThan80MB()
    {
        TestMount.RequireFuse();
        var limit = File.ReadLines("/proc/self/limits").First(l => l.StartsWith("Max open files", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[4];
        if (limit != "unlimited" && int.Parse(limit, CultureInfo.InvariantCulture) < PerProcess + 500)
        {
            Assert.Skip($"A process may open {limit} files; {PerProcess + 500} are needed.");
        }

        var (index, _, tier) = await TestImage.FromFilesAsync([.. Enumerable.Range(0, Files).Select(i => (OpenFilesChild.NameOf(i), Encoding.ASCII.GetBytes($"{i % 10} is the last digit of {i}")))]);
        await using var test = await TestSupervisor.StartAsync(index, tier, realServer: true);
        await using var mount = await test.Supervisor.MountAsync(test.IndexPath, index.Id, test.NewMountPoint(), TestContext.Current.CancellationToken);
        var program = Path.Combine(AppContext.BaseDirectory, "Modal.Backend.ImageFs.Tests");
        var children = Enumerable.Range(0, Files / PerProcess).Select(n => Process.Start(
            new ProcessStartInfo(program, ["open", mount.Path, $"{n * PerProcess}", $"{(n + 1) * PerProcess}"]) { RedirectStandardOutput = true, RedirectStandardInput = true })!).ToList();
        var opened = new List<string?>();
        foreach (var child in children)
        {
            opened.Add(await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        }

        var server = (await test.Supervisor.GetStatsAsync(TestContext.Current.CancellationToken)).ProcessId;
        var resident = File.ReadLines($"/proc/{server}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        foreach (var child in children)
        {
            child.StandardInput.Close();
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            child.Dispose();
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{resident} kB");
        Assert.All(opened, count => Assert.Equal($"{PerProcess}", count));
        Assert.InRange(int.Parse(resident, CultureInfo.InvariantCulture), 1, 80_000);
    }
}
