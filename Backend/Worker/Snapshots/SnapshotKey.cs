using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Modal.Backend.Worker.Runners;
using Modal.Protocol;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>Names a snapshot by all that it depends on: whatever of it changes, another name is looked for.</summary>
/// <param name="FamilyName">Of the image and the programs in the sandbox: snapshots of one family are much alike.</param>
/// <param name="Name">Of everything.</param>
internal sealed record SnapshotKey(string FamilyName, string Name)
{
    // Raise it when what is in a snapshot, or what the runner does after a restore, changes.
    private const string Format = "1";

    /// <summary>The name in the store.</summary>
    public string Record => $"snapshot-{FamilyName}-{Name}";

    /// <summary>Derives it.</summary>
    /// <param name="platform">What all snapshots of this machine depend on: runner, .NET, sandbox, processor.</param>
    /// <param name="root">The image's id, or what stands for the standard base.</param>
    /// <param name="code">The code version's folder name.</param>
    /// <param name="function">The function; its service arguments are inline.</param>
    /// <param name="memoryMiB">The memory limit, by which the runtime lays out its heap.</param>
    /// <param name="secrets">Tells the values of its secrets from others, since the process may have read them; empty if it has none.</param>
    public static SnapshotKey Of(string platform, string root, string code, FunctionSpec function, long memoryMiB, string secrets)
    {
        // Only what the process has seen when the snapshot is taken.
        var seen = new FunctionSpec
        {
            Name = function.Name,
            Assembly = function.Assembly,
            IsService = function.IsService,
            ServiceArguments = function.ServiceArguments,
            NeedsAspnetcore = function.NeedsAspnetcore,
            BlockNetwork = function.BlockNetwork,
            RestrictModalAccess = function.RestrictModalAccess,
            MaxConcurrentInputs = function.MaxConcurrentInputs,
            ClusterSize = function.ClusterSize,
        };
        seen.Methods.AddRange(function.Methods);
        var family = Family(platform, root, function.NeedsAspnetcore);
        return new SnapshotKey(family, Hash($"{family}\n{code}\n{memoryMiB}\n{Convert.ToHexStringLower(SHA256.HashData(seen.ToByteArray()))}{(secrets.Length > 0 ? $"\n{secrets}" : "")}"));
    }

    /// <summary>Derives the name of a runner's that has no code yet.</summary>
    /// <param name="platform">As above.</param>
    /// <param name="kind">The runner.</param>
    public static SnapshotKey Of(string platform, RunnerKind kind)
    {
        var family = Family(platform, kind.ImageId, kind.NeedsAspNetCore);
        return new SnapshotKey(family, Hash($"{family}\nrunner\n{kind.MemoryMiB}"));
    }

    private static string Family(string platform, string root, bool needsAspNetCore) => Hash($"{Format}\n{platform}\n{root}\n{needsAspNetCore}");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
}
