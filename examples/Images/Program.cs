using System.Diagnostics;
using Modal;
using static Numbers.Remote;

Console.WriteLine(await Mean.CallAsync([1.5, 2.5, 6]));

static partial class Numbers
{
    // Built once, and again only when this definition changes.
    static Image Python => Image.DebianSlim().AptInstall("python3", "python3-numpy");

    [Function(Image = nameof(Python))]
    public static string Mean(double[] values)
    {
        var code = "import sys, numpy; print(numpy.mean([float(a) for a in sys.argv[1:]]))";
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", code, .. values.Select(v => $"{v:R}")]) { RedirectStandardOutput = true })!;
        return python.StandardOutput.ReadToEnd().Trim();
    }
}
