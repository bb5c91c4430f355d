using System.Globalization;

namespace Modal.Backend.ControlPlane.Placing;

/// <content>Why something has to wait, for people.</content>
internal sealed partial class Placement
{
    private bool IsPossible(NeedClass need)
    {
        if (need.Size == 1 && need.Witness is { } witness && _workers.GetValueOrDefault(witness.Session) == witness)
        {
            return true;
        }

        foreach (var tier in TiersOf(need))
        {
            var many = 0;
            foreach (var group in tier.Groups)
            {
                var models = tier.ModelsIn(group);
                foreach (var worker in group.Workers)
                {
                    if (worker.CanEverHold(tier, models))
                    {
                        need.Witness = worker;
                        many += HowManyEver(worker, tier);
                        if (many >= need.Size)
                        {
                            return true;
                        }
                    }
                }
            }
        }

        return false;
    }

    private static int HowManyEver(WorkerCapacity worker, NeedTier tier)
    {
        var many = Math.Min(worker.Total[0] / tier.Want[0], worker.Total[1] / Math.Max(1, tier.Want[1]));
        many = tier.Want[2] > 0 ? Math.Min(many, worker.Total[2] / tier.Want[2]) : many;
        return tier.Want[3] > 0 ? Math.Min(many, worker.Total[3] / tier.Want[3]) : many;
    }

    private static string WhyFull(ResourceNeed need)
    {
        var which = need.Gpu.Length > 0 ? $" with the GPU {need.Gpu}" : "";
        which += need.Pool != ResourceNeed.DefaultPool ? $" of the pool '{need.Pool}'" : "";
        which += need.Regions.Count > 0 ? $" in {string.Join(" or ", need.Regions)}" : "";
        return $"all workers{which} are full";
    }

    private string WhyImpossible(NeedClass shape)
    {
        var need = shape.Need;
        if (_workers.Count == 0)
        {
            return "no worker is connected";
        }

        if (!_groups.Exists(g => g.Pool == need.Pool))
        {
            return $"there is no pool '{need.Pool}'; there {AreOf(_groups.Select(g => g.Pool))}";
        }

        var groups = _groups.Where(g => g.Pool == need.Pool && (need.Regions.Count == 0 || need.Regions.Contains(g.Region, StringComparer.Ordinal))).ToList();
        var inPool = need.Pool == ResourceNeed.DefaultPool ? "" : $" of the pool '{need.Pool}'";
        if (groups.Count == 0)
        {
            return $"no worker{inPool} is in {string.Join(" or ", need.Regions)}; there {AreOf(_groups.Where(g => g.Pool == need.Pool).Select(g => g.Region.Length > 0 ? g.Region : "workers without a region"))}";
        }

        inPool += need.Regions.Count > 0 ? $" in {string.Join(" or ", need.Regions)}" : "";
        var tiers = TiersOf(shape);
        if (need.Gpu.Length > 0 && tiers.All(t => t.Groups.Count == 0))
        {
            return $"no worker{inPool} has the GPU {need.Gpu}; there {AreOf(groups.SelectMany(g => g.Models), "no GPUs")}";
        }

        var workers = tiers.SelectMany(t => t.Groups).Distinct().SelectMany(g => g.Workers).ToList();
        var gpus = tiers.Min(t => t.Want[3]);
        var most = workers.Max(w => w.MostGpus);
        if (gpus > most)
        {
            return $"no worker{inPool} has the GPUs {need.Gpu}; the largest has {most}";
        }

        var (cores, memory, disk) = (workers.Max(w => w.CpuCores), workers.Max(w => w.MemoryMiB), workers.Max(w => w.DiskMiB));
        return tiers[0].Want[0] > workers.Max(w => w.MilliCores) ? string.Create(CultureInfo.InvariantCulture, $"no worker{inPool} has {need.CpuCores:0.###} cores; the largest has {cores:0.###}")
            : need.MemoryMiB > memory ? string.Create(CultureInfo.InvariantCulture, $"no worker{inPool} has {need.MemoryMiB} MiB of memory; the largest has {memory}")
            : need.DiskMiB > disk ? string.Create(CultureInfo.InvariantCulture, $"no worker{inPool} has {need.DiskMiB} MiB of disk; the largest has {disk}")
            : shape.Size > 1 ? string.Create(CultureInfo.InvariantCulture, $"all workers{inPool} together have no room for {shape.Size} containers of {Describe(need)}")
            : string.Create(CultureInfo.InvariantCulture, $"no single worker{inPool} has both {Describe(need)}");
    }

    private static string Describe(ResourceNeed need) => string.Create(
        CultureInfo.InvariantCulture,
        $"{need.CpuCores:0.###} cores and {need.MemoryMiB} MiB of memory{(need.DiskMiB > 0 ? $" and {need.DiskMiB} MiB of disk" : "")}{(need.Gpu.Length > 0 ? $" and the GPU {need.Gpu}" : "")}");

    private static string AreOf(IEnumerable<string> names, string none = "none")
    {
        string[] distinct = [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return distinct.Length switch
        {
            0 => $"are {none}",
            1 => $"is {distinct[0]}",
            _ => $"are {string.Join(", ", distinct)}",
        };
    }
}
