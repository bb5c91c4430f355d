namespace Modal.Protocol;

/// <summary>Where volumes can be in a container.</summary>
public static class VolumePaths
{
    // The rest of the machine's own: a volume there would hide it.
    private static readonly string[] s_taken = ["/proc", "/sys", "/dev", "/tmp", "/modal", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr"];

    /// <summary>What a path must be instead.</summary>
    /// <param name="path">The path.</param>
    /// <returns>Null if it can be used.</returns>
    public static string? FindFault(string? path)
    {
        var trimmed = path?.TrimEnd('/') ?? "";
        return path is null || path.Length == 0 || path[0] != '/' ? "an absolute path such as /data"
            : trimmed.Length == 0 ? "below the root, such as /data"
            : trimmed.Length > 1024 || trimmed.Substring(1).Split('/').Any(static n => n.Length is 0 or > 255 || n is "." or ".." || n.Any(char.IsControl)) ? "a path without '.', '..' and empty names, such as /data"
            : s_taken.FirstOrDefault(t => trimmed == t || trimmed.StartsWith(t + "/", StringComparison.Ordinal)) is { } taken ? $"outside of {taken}, which containers need for themselves, such as /data"
            : null;
    }
}
