using System.Text.RegularExpressions;

namespace Modal.Backend.Images.Registries;

/// <summary>What skopeo's errors mean, and what to do. It has no exit codes for them, only text, which comes from the registry in parts.</summary>
internal static partial class SkopeoErrors
{
    // The first that fits: a registry that hides what others may not see says both "denied" and "not found".
    private static readonly (string[] Signs, string Advice)[] s_meanings =
    [
        (["no image found in manifest list", "no image found in image index"], "There is none for linux/amd64."),
        (["invalid reference format", "repository name must be lowercase"], "This is no name of an image: such are 'ubuntu:24.04' and 'registry.example.com/team/image@sha256:...'."),
        (["unauthorized", "authentication required", "invalid username/password", "requested access to the resource is denied", "status 403", "denied:"],
            "The registry does not let this user have it: give credentials, a secret with REGISTRY_USERNAME and REGISTRY_PASSWORD, or check the name."),
        (["manifest unknown", "name unknown", "repository name not known"], "The registry has no such image: check its name and tag."),
        (["toomanyrequests", "too many requests"], "The registry lets nobody pull so often: wait, or give credentials."),
        (["x509:", "tls:", "server gave http response to https client"], "The connection to the registry is not secure: it needs HTTPS with a certificate that this worker trusts."),
        (["no such host", "dial tcp", "i/o timeout", "connection reset", "context deadline exceeded", "pinging container registry"],
            "The registry cannot be reached: check its name, and this worker's network."),
        (["no space left on device"], "The worker's disk is full."),
    ];

    /// <summary>One message for a failed pull.</summary>
    public static string Explain(string reference, string error)
    {
        var said = Said(error);
        var advice = s_meanings.FirstOrDefault(m => m.Signs.Any(s => error.Contains(s, StringComparison.OrdinalIgnoreCase))).Advice ?? "The registry could not be asked.";
        return $"{reference} cannot be pulled. {advice} skopeo said: {said}";
    }

    // The last line is what it ended with; before it are warnings. Inside: time="..." level=fatal msg="...", with quotes escaped.
    private static string Said(string error)
    {
        var last = error.Trim().Split('\n')[^1];
        return Message().Match(last) is { Success: true } match ? match.Groups[1].Value.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal) : last;
    }

    [GeneratedRegex("""level=\w+ msg="((?:[^"\\]|\\.)*)"$""")]
    private static partial Regex Message();
}
