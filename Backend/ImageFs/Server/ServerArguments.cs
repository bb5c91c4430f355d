using System.Globalization;

namespace Modal.Backend.ImageFs.Server;

/// <summary>Command line of the server process.</summary>
/// <param name="Tier">Text of the tier that contents come from.</param>
/// <param name="CacheFolder">Folder of the local cache.</param>
/// <param name="CacheBytes">The most that the cache takes.</param>
internal sealed record ServerArguments(string Tier, string CacheFolder, long CacheBytes)
{
    private const string TierName = "--tier";
    private const string CacheName = "--cache";
    private const string BytesName = "--cache-bytes";

    /// <summary>The arguments as the program takes them.</summary>
    public IReadOnlyList<string> Write() => [TierName, Tier, CacheName, CacheFolder, BytesName, CacheBytes.ToString(CultureInfo.InvariantCulture)];

    /// <returns>Null if they are not as <see cref="Write"/> makes them.</returns>
    public static ServerArguments? Parse(IReadOnlyList<string> arguments) =>
        arguments is [TierName, { Length: > 0 } tier, CacheName, { Length: > 0 } cache, BytesName, var bytes]
            && long.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0
            ? new ServerArguments(tier, cache, size)
            : null;
}
