using System.Security.Cryptography;
using System.Text;

namespace Modal.Backend.Worker.Cgroups;

/// <summary>Where this worker's groups are: one parent per state directory, so that two workers on a machine never touch each other's.</summary>
internal sealed class CgroupTree
{
    private static readonly string[] s_controllers = ["memory", "cpu", "pids"];

    private readonly bool _unified;
    private readonly Dictionary<string, string> _parents;

    private CgroupTree(bool unified, Dictionary<string, string> parents) => (_unified, _parents) = (unified, parents);

    /// <summary>Finds the hierarchies that this process may write to.</summary>
    /// <param name="stateDirectory">Names the parent group.</param>
    /// <param name="missing">Why there is no tree, or which limit cannot be set; null if all is well.</param>
    /// <returns>Null if no group can be made here at all.</returns>
    public static CgroupTree? Find(string stateDirectory, out string? missing) =>
        Find(File.ReadAllLines("/proc/self/mountinfo"), stateDirectory, out missing);

    /// <summary>As above, from given lines of mountinfo.</summary>
    internal static CgroupTree? Find(IEnumerable<string> mountInfo, string stateDirectory, out string? missing)
    {
        var name = "modal-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(stateDirectory))))[..12];
        var version1 = new Dictionary<string, string>(StringComparer.Ordinal);
        string? version2 = null;
        foreach (var line in mountInfo)
        {
            // man 5 proc: "36 35 98:0 /root /mount/point options… - type source superoptions"
            var halves = line.Split(" - ", 2);
            if (halves.Length < 2)
            {
                continue;
            }

            var point = halves[0].Split(' ')[4];
            var tail = halves[1].Split(' ');
            if (tail[0] == "cgroup2")
            {
                version2 = point;
            }
            else if (tail[0] == "cgroup")
            {
                foreach (var controller in tail[^1].Split(',').Intersect(s_controllers))
                {
                    version1[controller] = point;
                }
            }
        }

        try
        {
            if (version1.ContainsKey("memory"))
            {
                var parents = version1.ToDictionary(pair => pair.Key, pair => Path.Combine(pair.Value, name), StringComparer.Ordinal);
                foreach (var parent in parents.Values)
                {
                    Directory.CreateDirectory(parent);
                }

                missing = Lacking(parents.Keys);
                return new CgroupTree(false, parents);
            }

            if (version2 is not null)
            {
                var parent = Path.Combine(version2, name);
                Directory.CreateDirectory(parent);
                var available = File.ReadAllText(Path.Combine(version2, "cgroup.controllers")).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
                    .Intersect(s_controllers).ToArray();
                foreach (var folder in new[] { version2, parent })
                {
                    File.WriteAllText(Path.Combine(folder, "cgroup.subtree_control"), string.Join(' ', available.Select(c => "+" + c)));
                }

                missing = Lacking(available);
                return new CgroupTree(true, available.ToDictionary(c => c, _ => parent, StringComparer.Ordinal));
            }

            missing = "No control groups are mounted, so memory limits of containers are not enforced.";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            missing = $"Control groups cannot be made here, so memory limits of containers are not enforced: {e.Message}";
        }

        return null;
    }

    /// <summary>The group of a container; not made yet.</summary>
    public Cgroup Get(string containerId) =>
        new(_unified, _parents.ToDictionary(pair => pair.Key, pair => Path.Combine(pair.Value, containerId), StringComparer.Ordinal));

    /// <summary>Groups that exist, by container.</summary>
    public IReadOnlyCollection<string> Existing() =>
        _parents.Values.Distinct(StringComparer.Ordinal).Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories)
            .Select(folder => Path.GetFileName(folder)).Distinct(StringComparer.Ordinal).ToArray();

    /// <summary>Removes the parents if no container's group is left in them.</summary>
    public void TryRemove()
    {
        foreach (var parent in _parents.Values.Distinct(StringComparer.Ordinal).Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(parent);
            }
            catch (IOException)
            {
                // Containers of a worker that is being killed: the next one on this state directory finds them here.
            }
        }
    }

    private static string? Lacking(IEnumerable<string> found)
    {
        var lacking = s_controllers.Except(found).ToArray();
        return lacking.Length == 0 ? null : $"Control groups lack {string.Join(" and ", lacking)}, so those limits of containers are not enforced.";
    }
}
