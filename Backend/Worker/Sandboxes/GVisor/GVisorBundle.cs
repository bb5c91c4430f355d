using System.Text.Json.Nodes;
using Modal.Backend.Worker.Gpus.Native;

namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>Writes the OCI configuration of a sandbox: what is mounted, who runs, and that there is nothing else.</summary>
internal static class GVisorBundle
{
    /// <summary>Where things are inside.</summary>
    public const string CodePath = "/modal/code";

    /// <summary>nobody: owns nothing in any image.</summary>
    public const int NobodyId = 65534;

    // Crossing it gives EAGAIN inside; the host's limit on threads lies far above and is never met.
    private const int MaxProcesses = 1024;

    // 0666, which C# cannot write.
    private const int EveryoneReadsAndWrites = 0b110_110_110;

    private const int MaxOpenFiles = 65536;

    // As on any machine: programs choose the size of their threads' stacks by it.
    private const int StackBytes = 8 * 1024 * 1024;

    // And "network" for one of its own, with nothing in it but loopback.
    private static readonly string[] s_namespaces = ["pid", "ipc", "uts", "mount"];

    // What a build may do as root inside: what package managers need of docker's usual set. Nothing of it reaches beyond the sandbox.
    private static readonly string[] s_buildCapabilities =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_SETFCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_MKNOD", "CAP_AUDIT_WRITE",
    ];

    /// <summary>The configuration.</summary>
    public static JsonObject Configuration(BundleSpec spec)
    {
        var mounts = new JsonArray(
            Mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            Mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            Mount("/dev/shm", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", "size=64m"));
        if (!spec.IsBuild)
        {
            // What a build leaves in /tmp is there for its next step.
            mounts.Add(spec.DiskFolder is { } disk
                ? Mount("/tmp", "bind", disk, "rbind", "rw", "nosuid", "nodev")
                : Mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", $"size={(spec.TemporaryMiB > 0 ? spec.TemporaryMiB : spec.MemoryMiB / 2)}m"));
        }

        foreach (var bind in spec.Binds.Concat(spec.Gpu?.Libraries ?? []))
        {
            mounts.Add(Mount(bind.Inside, "bind", bind.Outside, "rbind", bind.IsWritable ? "rw" : "ro", "nosuid", "nodev"));
        }

        var capabilities = spec.IsBuild ? s_buildCapabilities : [];
        return new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = new JsonObject
            {
                ["terminal"] = false,
                ["user"] = new JsonObject { ["uid"] = spec.Uid, ["gid"] = spec.Gid },
                ["args"] = Strings(spec.Command),
                ["env"] = Strings(Environment(spec).Select(pair => $"{pair.Key}={pair.Value}")),
                ["cwd"] = spec.WorkingDirectory,
                ["capabilities"] = new JsonObject
                {
                    ["bounding"] = Strings(capabilities),
                    ["effective"] = Strings(capabilities),
                    ["permitted"] = Strings(capabilities),
                },

                // sudo and su work in a build as they do in other builders.
                ["noNewPrivileges"] = !spec.IsBuild,
                ["oomScoreAdj"] = 1000,
                ["rlimits"] = new JsonArray(
                    Limit("RLIMIT_NOFILE", MaxOpenFiles), Limit("RLIMIT_NPROC", MaxProcesses), Limit("RLIMIT_STACK", StackBytes), Limit("RLIMIT_CORE", 0)),
            },
            ["root"] = new JsonObject { ["path"] = spec.Root, ["readonly"] = !spec.IsBuild },
            ["hostname"] = "modal",
            ["mounts"] = mounts,
            ["linux"] = new JsonObject
            {
                ["namespaces"] = new JsonArray([.. (spec.HasHostNetwork ? s_namespaces : [.. s_namespaces, "network"]).Select(type => new JsonObject { ["type"] = type })]),
                ["devices"] = new JsonArray([.. (spec.Gpu?.Devices ?? []).Select(Device)]),
            },
        };
    }

    // The image's own libraries are looked for after the driver's.
    private static Dictionary<string, string> Environment(BundleSpec spec)
    {
        var all = new Dictionary<string, string>(spec.Environment, StringComparer.Ordinal);
        foreach (var (name, value) in spec.Gpu?.Environment ?? new Dictionary<string, string>())
        {
            all[name] = name == "LD_LIBRARY_PATH" && all.TryGetValue(name, out var own) && own.Length > 0 ? $"{value}:{own}" : value;
        }

        return all;
    }

    // For everyone inside, as on a machine with the driver: what it may do is the driver's matter.
    private static JsonObject Device(DeviceNode node) => new()
    {
        ["path"] = $"/dev/{node.Name}",
        ["type"] = "c",
        ["major"] = node.Major,
        ["minor"] = node.Minor,
        ["fileMode"] = EveryoneReadsAndWrites,
        ["uid"] = 0,
        ["gid"] = 0,
    };

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
