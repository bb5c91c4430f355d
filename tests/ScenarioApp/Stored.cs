using System.Globalization;

namespace Modal.ScenarioApp;

/// <summary>Functions with volumes.</summary>
public static partial class Stored
{
    private static readonly List<FileStream> s_open = [];

    public static Volume Data => Volume.FromName("scenario", createIfMissing: true);

    private static Volume Fixed => Data.ReadOnly();

    private static Volume Part => Data.WithSubPath("a/b");

    [Function(SingleUseContainers = true, MaxContainers = 1)]
    [Mount("/mnt/data", nameof(Data))]
    public static async Task<string> Write(string name, string text)
    {
        var path = Path.Combine("/mnt/data", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, text);
        await Data.CommitAsync();
        return await File.ReadAllTextAsync(path);
    }

    [Function(SingleUseContainers = true, MaxContainers = 1)]
    [Mount("/data", nameof(Data))]
    public static string WriteAndLeave(string name, string text)
    {
        File.WriteAllText(Path.Combine("/data", name), text);
        return Environment.GetEnvironmentVariable("MODAL_CONTAINER_ID")!;
    }

    [Function(SingleUseContainers = true, MaxContainers = 1)]
    [Mount("/elsewhere", nameof(Data))]
    public static string[] Read() =>
        [.. Directory.EnumerateFiles("/elsewhere", "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => $"{Path.GetRelativePath("/elsewhere", f)}={File.ReadAllText(f)}")];

    /// <summary>In a container that stays: what it sees before and after a reload, and through a file that stays open.</summary>
    [Function(MaxContainers = 1)]
    [Mount("/data", nameof(Data))]
    public static async Task<string> Look(string name, bool reload)
    {
        if (reload)
        {
            await Data.ReloadAsync();
        }

        var seen = File.Exists(Path.Combine("/data", name)) ? await File.ReadAllTextAsync(Path.Combine("/data", name)) : "nothing";
        if (s_open.Count == 0 && seen != "nothing")
        {
            s_open.Add(File.OpenRead(Path.Combine("/data", name)));
        }

        var open = "";
        if (s_open.Count > 0)
        {
            s_open[0].Position = 0;
            open = await new StreamReader(s_open[0]).ReadToEndAsync();
        }

        return $"{seen}|{open}";
    }

    [Function(SingleUseContainers = true)]
    [Mount("/data", nameof(Fixed))]
    public static string TryToWrite()
    {
        try
        {
            File.WriteAllText("/data/new", "x");
            return "written";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    [Function(SingleUseContainers = true)]
    [Mount("/data", nameof(Part))]
    public static string[] InPart()
    {
        File.WriteAllText("/data/inside", "part");
        string[] outside = ["/data/../other", "/data/../../other", "/modal/volumes/0/0/../../other"];
        return [.. Directory.EnumerateFileSystemEntries("/data").Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal), .. outside.Where(File.Exists)];
    }

    /// <summary>Writes many small files, then commits twice: how long both took.</summary>
    [Function(MaxContainers = 1)]
    [Mount("/data", nameof(Data))]
    public static async Task<(double FirstMs, double UnchangedMs)> CommitMany(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var folder = $"/data/many/{i / 100}";
            if (i % 100 == 0)
            {
                Directory.CreateDirectory(folder);
            }

            await File.WriteAllTextAsync($"{folder}/{i}", i.ToString(CultureInfo.InvariantCulture) + new string('x', 1000));
        }

        var first = System.Diagnostics.Stopwatch.StartNew();
        await Data.CommitAsync();
        first.Stop();
        var second = System.Diagnostics.Stopwatch.StartNew();
        await Data.CommitAsync();
        return (first.Elapsed.TotalMilliseconds, second.Elapsed.TotalMilliseconds);
    }
}
