using System.Globalization;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Placing;

/// <content>Which worker gets a container.</content>
internal sealed partial class Placement
{
    // Of so many random ones with room the best is taken: more of them hardly find a better one, and each costs about a tenth of a microsecond.
    private const int Samples = 6;

    // So few are all looked at.
    private const int FewWorkers = 16;

    // With this many nodes looked at and something found, the search has cost enough.
    private const int MaxVisits = 512;

    // Of those that hold something the first few with room, among at most so many.
    private const int HoldersTaken = 4;
    private const int HoldersSeen = 16;

    // Costs are the seconds by which a start is expected to be later: a snapshot that has to be fetched, an image that is fetched as it is read, code that is unpacked,
    // the wait behind more starts than there are cores.
    private const double SnapshotSeconds = 3;
    private const double ImageSeconds = 2;
    private const double CodeSeconds = 0.5;
    private const double QueueSeconds = 1;

    // More than all of the above: who asks for spreading gives up a quick start for it.
    private const double SpreadSeconds = 20;

    // Full workers keep others whole for large requests; not worth more than a piece of code.
    private const double PackSeconds = 0.5;

    private readonly List<(Holding Holding, double Seconds)> _wanted = [];

    private bool TryPlace(WaitingItem item)
    {
        var need = item.Queue.Class;
        Resolve(item.Need.LocalKeys);
        foreach (var tier in TiersOf(need))
        {
            if (Choose(tier, item) is { } worker)
            {
                Settle(item, worker, tier);
                return true;
            }
        }

        return false;
    }

    // Room is only where it was gained.
    private bool TryPlaceOnOffered(WaitingItem item)
    {
        foreach (var worker in _offered)
        {
            if (worker.IsOpen && TierOn(item.Queue.Class, worker) is { } tier)
            {
                Settle(item, worker, tier);
                return true;
            }
        }

        return false;
    }

    private void Settle(WaitingItem item, WorkerCapacity worker, NeedTier tier)
    {
        Place(item.Members[0], item.Queue.Function, worker, tier);
        Settle(item);
    }

    private NeedTier[] TiersOf(NeedClass need) => need.TiersFor(_groups, _groupsVersion);

    // The best way in which the worker can hold one more now.
    private NeedTier? TierOn(NeedClass need, WorkerCapacity worker)
    {
        foreach (var tier in TiersOf(need))
        {
            if (tier.Includes(worker.Group) && worker.CanHold(tier, tier.ModelsIn(worker.Group)))
            {
                return tier;
            }
        }

        return null;
    }

    private WorkerCapacity? Choose(NeedTier tier, WaitingItem item)
    {
        var best = new Choice(item, tier);
        var workers = 0;
        foreach (var group in tier.Groups)
        {
            workers += group.Workers.Count;
        }

        if (workers <= FewWorkers)
        {
            foreach (var group in tier.Groups)
            {
                for (var slot = Find(group, tier, 0); slot >= 0; slot = Find(group, tier, slot + 1))
                {
                    Consider(group.Workers[slot], ref best);
                }
            }

            return best.Worker;
        }

        var first = Random(tier.Groups.Count);
        for (var (i, found, visits) = (0, 0, 0L); i < Math.Max(Samples, tier.Groups.Count) && found < Samples && (found == 0 || visits < MaxVisits); i++)
        {
            var group = tier.Groups[(first + i) % tier.Groups.Count];
            var before = group.Room.Visits;
            var slot = Find(group, tier, Random(group.Workers.Count));
            slot = slot < 0 ? Find(group, tier, 0) : slot;
            visits += group.Room.Visits - before;
            if (slot >= 0)
            {
                found++;
                Consider(group.Workers[slot], ref best);
                if (!item.Need.Spread && group.LastUsed is { IsOpen: true } last && last.CanHold(tier, tier.ModelsIn(group)))
                {
                    Consider(last, ref best);
                }
            }
        }

        if (best.Worker is not null)
        {
            ConsiderHolders(ref best);
        }

        return best.Worker;
    }

    private static int Find(WorkerGroup group, NeedTier tier, int from)
    {
        var slot = group.Room.Find(from, tier.Want);
        if (tier.Want[3] > 0 && group.Models.Count > 1)
        {
            // The free GPUs may be of another model.
            while (slot >= 0 && !group.Workers[slot].CanHold(tier, tier.ModelsIn(group)))
            {
                slot = group.Room.Find(slot + 1, tier.Want);
            }
        }

        return slot;
    }

    private void ConsiderHolders(ref Choice best)
    {
        foreach (var (holding, _) in _wanted)
        {
            var workers = holding.Workers;
            var first = Random(workers.Count);
            for (var (i, taken) = (0, 0); i < Math.Min(workers.Count, HoldersSeen) && taken < HoldersTaken; i++)
            {
                var worker = workers[(first + i) % workers.Count];
                if (worker.IsOpen && best.Tier.Includes(worker.Group) && worker.CanHold(best.Tier, best.Tier.ModelsIn(worker.Group)))
                {
                    taken++;
                    Consider(worker, ref best);
                }
            }
        }
    }

    private void Consider(WorkerCapacity worker, ref Choice best)
    {
        _considered++;
        if (worker == best.Worker)
        {
            return;
        }

        var load = worker.LoadWith(best.Tier);
        var cost = QueueSeconds * Math.Max(0, ((worker.Starting + 1) * 1000) - worker.MilliCores) / worker.MilliCores;
        cost += best.Item.Need.Spread ? load + (SpreadSeconds * best.Item.Queue.Function.OnWorkers.GetValueOrDefault(worker)) : PackSeconds * (1 - load);
        foreach (var (holding, seconds) in _wanted)
        {
            cost -= worker.Holdings.ContainsKey(holding) ? seconds : 0;
        }

        if (best.Worker is null || cost < best.Cost || (cost == best.Cost && string.CompareOrdinal(worker.Session, best.Worker.Session) < 0))
        {
            (best.Worker, best.Cost) = (worker, cost);
        }
    }

    private void Resolve(IReadOnlyList<string> keys)
    {
        _wanted.Clear();
        foreach (var key in keys)
        {
            if (_holdings.TryGetValue(key, out var holding))
            {
                _wanted.Add((holding, key.StartsWith(LocalKeys.SnapshotPrefix, StringComparison.Ordinal) ? SnapshotSeconds
                    : key.StartsWith(LocalKeys.ImagePrefix, StringComparison.Ordinal) ? ImageSeconds : CodeSeconds));
            }
        }
    }

    private bool IsWithinQuota(NeedClass need) => QuotaReason(need).Length == 0;

    private string QuotaReason(NeedClass need)
    {
        var want = TiersOf(need)[0].Want;
        long size = need.Size;
        return Over(_quota.MaxContainers, _used.Containers + size) ? Say($"{_quota.MaxContainers} containers", nameof(_quota.MaxContainers))
            : Over((long)Math.Round(_quota.MaxCpuCores * 1000), _used.MilliCores + (size * want[0])) ? Say($"{_quota.MaxCpuCores:0.###} cores", nameof(_quota.MaxCpuCores))
            : Over(_quota.MaxMemoryMiB, _used.MemoryMiB + (size * want[1])) ? Say($"{_quota.MaxMemoryMiB} MiB of memory", nameof(_quota.MaxMemoryMiB))
            : want[3] > 0 && Over(_quota.MaxGpus, _used.Gpus + (size * want[3])) ? Say($"{_quota.MaxGpus} GPUs", nameof(_quota.MaxGpus))
            : "";

        static bool Over(long limit, long used) => limit > 0 && used > limit;
        static string Say(FormattableString what, string setting) => $"the workspace's quota of {what.ToString(CultureInfo.InvariantCulture)} ({setting}) leaves no room";
    }

    private struct Choice(WaitingItem item, NeedTier tier)
    {
        public readonly WaitingItem Item = item;
        public readonly NeedTier Tier = tier;
        public WorkerCapacity? Worker;
        public double Cost;
    }
}
