using System.Text.Json.Nodes;

namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>Writes the OCI configuration of a sandbox: what is mounted, who runs, and that there is nothing else.</summary>
internal static class GVisorBundle
{
    /// <summary>Where things are inside.</summary>
    public const string CodePath = "/modal/code";

    // nobody: owns nothing in any image.
    private const int User = 65534;

    // Crossing it gives EAGAIN inside; the host's limit on threads lies far above and is never met.
    private const int MaxProcesses = 1024;

    private const int MaxOpenFiles = 65536;

    // As on any machine: programs choose the size of their threads' stacks by it.
    private const int StackBytes = 8 * 1024 * 1024;

    // A network namespace of its own, with nothing in it but loopback.
    private static readonly string[] s_namespaces = ["pid", "network", "ipc", "uts", "mount"];

    /// <summary>The configuration.</summary>
    /// <param name="root">Root file system, mounted read-only beneath an overlay in memory.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="environment">All of its environment.</param>
    /// <param name="binds">Folders of this machine mounted read-only, by path inside.</param>
    /// <param name="workingDirectory">Where it starts.</param>
    /// <param name="memoryMiB">The container's memory; half of it bounds /tmp.</param>
    public static JsonObject Configuration(
        string root, IEnumerable<string> command, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string> binds,
        string workingDirectory, long memoryMiB)
    {
        var mounts = new JsonArray(
            Mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            Mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            Mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", $"size={memoryMiB / 2}m"),
            Mount("/dev/shm", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", "size=64m"));
        foreach (var (inside, outside) in binds)
        {
            mounts.Add(Mount(inside, "bind", outside, "rbind", "ro", "nosuid", "nodev"));
        }

        return new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = new JsonObject
            {
                ["terminal"] = false,
                ["user"] = new JsonObject { ["uid"] = User, ["gid"] = User },
                ["args"] = Strings(command),
                ["env"] = Strings(environment.Select(pair => $"{pair.Key}={pair.Value}")),
                ["cwd"] = workingDirectory,
                ["capabilities"] = new JsonObject(),
                ["noNewPrivileges"] = true,
                ["oomScoreAdj"] = 1000,
                ["rlimits"] = new JsonArray(
                    Limit("RLIMIT_NOFILE", MaxOpenFiles), Limit("RLIMIT_NPROC", MaxProcesses), Limit("RLIMIT_STACK", StackBytes), Limit("RLIMIT_CORE", 0)),
            },
            ["root"] = new JsonObject { ["path"] = root, ["readonly"] = true },
            ["hostname"] = "modal",
            ["mounts"] = mounts,
            ["linux"] = new JsonObject
            {
                ["namespaces"] = new JsonArray([.. s_namespaces.Select(type => new JsonObject { ["type"] = type })]),
            },
        };
    }

    private static JsonObject Mount(string destination, string type, string source, params string[] options) => new()
    {
        ["destination"] = destination,
        ["type"] = type,
        ["source"] = source,
        ["options"] = Strings(options),
    };

    private static JsonObject Limit(string type, long value) => new() { ["type"] = type, ["hard"] = value, ["soft"] = value };

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => JsonValue.Create(value))]);
}
