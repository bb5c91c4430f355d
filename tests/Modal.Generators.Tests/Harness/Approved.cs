using System.Runtime.CompilerServices;

namespace Modal.Generators.Tests.Harness;

/// <summary>Compares text with a file beside the test; UPDATE_SNAPSHOTS=1 writes the file instead.</summary>
internal static class Approved
{
    public static void Match(string name, string actual, [CallerFilePath] string caller = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(caller)!, name + ".approved.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} does not exist. Run the tests with UPDATE_SNAPSHOTS=1 to write it, and review it as code.");
        Assert.Equal(File.ReadAllText(path), actual);
    }

    public static string Join(IEnumerable<KeyValuePair<string, string>> files) => string.Join("\n", files.Select(f => $"==== {f.Key}\n{f.Value}"));
}
