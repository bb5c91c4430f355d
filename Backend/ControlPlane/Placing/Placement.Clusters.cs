namespace Modal.Backend.ControlPlane.Placing;

/// <content>Clusters: containers that are placed together or not at all.</content>
internal sealed partial class Placement
{
    // Workers of a region that are compared for one cluster: the largest has 64 containers.
    private const int MaxClusterCandidates = 256;

    private readonly List<(WorkerCapacity Worker, int Many)> _candidates = [];

    private bool TryPlaceCluster(WaitingItem item)
    {
        var need = item.Queue.Class;
        if (need.IsFull && _now < need.SearchAgainMs)
        {
            return false;
        }

        foreach (var tier in TiersOf(need))
        {
            // The nearer the containers are to each other the faster they talk: the fewest workers of one region, and several regions only if none has room for all.
            List<(WorkerCapacity Worker, int Many)>? best = null;
            foreach (var region in tier.Groups.Select(g => g.Region).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                best = Fewer(best, SelectFor(item, tier, region));
            }

            if ((best ?? SelectFor(item, tier, null)) is { } chosen)
            {
                var next = 0;
                foreach (var (worker, many) in chosen)
                {
                    for (var i = 0; i < many; i++)
                    {
                        Place(item.Members[next++], item.Queue.Function, worker, tier);
                    }
                }

                Settle(item);
                return true;
            }
        }

        return false;
    }

    private static List<(WorkerCapacity Worker, int Many)>? Fewer(List<(WorkerCapacity Worker, int Many)>? one, List<(WorkerCapacity Worker, int Many)>? other) =>
        one is null || (other is not null && other.Count < one.Count) ? other : one;

    // Null if the region, or all of them, has no room for the whole cluster.
    private List<(WorkerCapacity Worker, int Many)>? SelectFor(WaitingItem item, NeedTier tier, string? region)
    {
        _candidates.Clear();
        foreach (var worker in item.Reservation?.Workers ?? [])
        {
            if (tier.Includes(worker.Group) && (region is null || worker.Group.Region == region))
            {
                AddCandidate(worker, tier);
            }
        }

        foreach (var group in tier.Groups.Where(g => region is null || g.Region == region))
        {
            for (var slot = Find(group, tier, 0); slot >= 0 && _candidates.Count < MaxClusterCandidates; slot = Find(group, tier, slot + 1))
            {
                AddCandidate(group.Workers[slot], tier);
            }
        }

        var left = item.Size;
        if (_candidates.Sum(c => Math.Min(c.Many, left)) < left)
        {
            return null;
        }

        // Spread: one each, on the emptiest; several on one only if there are too few.
        var each = item.Need.Spread ? (left + _candidates.Count - 1) / _candidates.Count : left;
        while (_candidates.Sum(c => Math.Min(c.Many, each)) < left)
        {
            each++;
        }

        var chosen = new List<(WorkerCapacity Worker, int Many)>();
        foreach (var (worker, many) in _candidates.OrderByDescending(c => Math.Min(c.Many, left)).ThenBy(c => item.Need.Spread ? c.Worker.LoadWith(tier) : c.Many)
            .ThenBy(c => c.Worker.Session, StringComparer.Ordinal))
        {
            var taken = Math.Min(Math.Min(many, each), left);
            chosen.Add((worker, taken));
            left -= taken;
            if (left == 0)
            {
                break;
            }
        }

        return chosen;
    }

    private void AddCandidate(WorkerCapacity worker, NeedTier tier)
    {
        var many = worker.IsDraining ? 0 : worker.HowMany(tier, tier.ModelsIn(worker.Group));
        if (many > 0)
        {
            _candidates.Add((worker, many));
        }
    }
}
