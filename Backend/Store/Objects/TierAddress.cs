using Modal.Backend.Store.Peers;

namespace Modal.Backend.Store.Objects;

/// <summary>Tiers by a line of text, as settings and command lines have them.</summary>
public static class TierAddress
{
    private const string Folder = "folder:";
    private const string S3 = "s3:";
    private const string Peer = "peer:";

    /// <summary>Opens a tier.</summary>
    /// <param name="text"><c>folder:/path</c>, or <c>s3:bucket/prefix?endpoint=http://host:port&amp;region=name</c>, where all after the bucket may be left out, or <c>peer:http://host:port</c> or <c>peer:unix:///path</c> for the store of a server. Keys come from the environment, not from here: others can read command lines.</param>
    /// <exception cref="ArgumentException">It is neither; the message says what is wrong.</exception>
    public static IObjectTier Open(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith(Folder, StringComparison.Ordinal) && Path.IsPathFullyQualified(text[Folder.Length..]))
        {
            return new FolderTier(text[Folder.Length..]);
        }

        if (text.StartsWith(Peer, StringComparison.Ordinal))
        {
            return OpenPeer(text);
        }

        return text.StartsWith(S3, StringComparison.Ordinal)
            ? new S3Tier(Parse(text))
            : throw Wrong(text, "it must be folder:/path, s3:bucket/prefix?endpoint=…&region=… or peer:http://host:port");
    }

    /// <summary>Whether the tier is a folder, so that nothing stands between it and this machine.</summary>
    /// <param name="text">As above.</param>
    public static bool IsFolder(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Folder, StringComparison.Ordinal);
    }

    /// <summary>Whether the tier is the store of a server.</summary>
    /// <param name="text">As above.</param>
    public static bool IsPeer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Peer, StringComparison.Ordinal);
    }

    /// <summary>Asks a tier for something that it does not have: opens its connection and has the code compiled, so that whoever is first in need of it does not wait for that. Never fails.</summary>
    /// <param name="tier">The tier.</param>
    public static async Task ConnectAsync(IObjectTier tier)
    {
        ArgumentNullException.ThrowIfNull(tier);
        try
        {
            await tier.ReadAsync(ObjectKeys.Pack(default), 0, new byte[1], CancellationToken.None);
        }
        catch (IOException)
        {
            // Whoever needs it next is told.
        }
    }

    internal static S3TierOptions Parse(string text)
    {
        var (address, query) = text[S3.Length..].Split('?', 2) is [var before, var after] ? (before, after) : (text[S3.Length..], "");
        var parts = address.Split('/', 2);
        if (parts[0].Length == 0)
        {
            throw Wrong(text, "it names no bucket");
        }

        var options = new S3TierOptions { Bucket = parts[0], Prefix = parts.Length > 1 ? parts[1].Trim('/') : "" };
        foreach (var setting in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = setting.IndexOf('=', StringComparison.Ordinal);
            var value = at < 0 ? "" : Uri.UnescapeDataString(setting[(at + 1)..]);
            options = (at < 0 ? setting : setting[..at]) switch
            {
                "endpoint" when Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" => options with { Endpoint = value },
                "endpoint" => throw Wrong(text, $"its endpoint '{value}' is no http or https address"),
                "region" => options with { Region = value },
                var name => throw Wrong(text, $"it has the setting '{name}'; endpoint and region are known"),
            };
        }

        return options;
    }

    private static PeerTier OpenPeer(string text)
    {
        var address = text[Peer.Length..];
        try
        {
            return new PeerTier(GrpcChannels.Open(address), address);
        }
        catch (ArgumentException e)
        {
            throw Wrong(text, e.Message);
        }
    }

    private static ArgumentException Wrong(string text, string why) => new($"The store is '{text}': {why}.");
}
