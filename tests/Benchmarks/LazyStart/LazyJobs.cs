using System.Diagnostics;

namespace Modal.Benchmarks.LazyStart;

/// <summary>A function whose image is much larger than what it reads of it, and one without an image.</summary>
public static partial class LazyJobs
{
    private static Image Python => Image.DebianSlim().AptInstall("gcc", "python3", "python3-numpy", "python3-scipy");

    [Function]
    public static int Nothing() => 1;

    [Function(Image = nameof(Python))]
    public static string Numpy()
    {
        using var process = Process.Start(new ProcessStartInfo("python3", ["-c", "import numpy; print(int(numpy.arange(5).sum()))"]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd().Trim();
    }
}
