namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Arguments that a Dockerfile need not declare.</summary>
internal static class BuildArguments
{
    // Workers run nothing else.
    public const string Platform = "linux/amd64";

    // Set for whoever runs a build, not for what is in the image: commands get them, and no layer's key has them.
    private static readonly string[] s_proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

    /// <summary>Those that are there before the first FROM, and in a stage that declares them: about the platform.</summary>
    public static Dictionary<string, string> Globals(IReadOnlyDictionary<string, string> given, string? target)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal) { ["TARGETSTAGE"] = target ?? "default" };
        foreach (var side in (string[])["TARGET", "BUILD"])
        {
            (all[side + "PLATFORM"], all[side + "OS"], all[side + "ARCH"], all[side + "VARIANT"]) = (Platform, "linux", "amd64", "");
        }

        foreach (var name in all.Keys.Where(given.ContainsKey).ToList())
        {
            all[name] = given[name];
        }

        return all;
    }

    /// <summary>Variables of every RUN: proxies that were given, in both writings, since programs differ in which they read.</summary>
    public static Dictionary<string, string> Proxies(IReadOnlyDictionary<string, string> given) =>
        given.Where(static g => s_proxies.Contains(g.Key, StringComparer.OrdinalIgnoreCase))
            .SelectMany(static g => new[] { (Name: g.Key.ToUpperInvariant(), g.Value), (Name: g.Key.ToLowerInvariant(), g.Value) })
            .GroupBy(static p => p.Name, StringComparer.Ordinal)
            .ToDictionary(static p => p.Key, p => given.GetValueOrDefault(p.Key, p.First().Value), StringComparer.Ordinal);

    /// <summary>Names that were given and that nothing in the file knows.</summary>
    public static List<string> Unknown(IReadOnlyDictionary<string, string> given, Dockerfile file)
    {
        var declared = file.Arguments.Concat(file.Stages.SelectMany(static s => s.Instructions)).Select(static i => i.Trigger ?? i).Where(static i => i.Name == "ARG")
            .SelectMany(i => Words.Split(i.Text, file.Escape)).Select(static w => w.Split('=')[0]).ToHashSet(StringComparer.Ordinal);
        declared.UnionWith(Globals(given, null).Keys);
        declared.UnionWith(Proxies(given).Keys);
        return [.. given.Keys.Where(n => !declared.Contains(n) && !n.StartsWith("BUILDKIT_", StringComparison.Ordinal) && n != "SOURCE_DATE_EPOCH").Order(StringComparer.Ordinal)];
    }
}
