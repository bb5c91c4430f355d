namespace Modal.Backend.ControlPlane.Placing;

/// <content>Room that is kept: for those who have waited too long, and for those of higher priority for whom others are evicted.</content>
internal sealed partial class Placement
{
    // Workers that are compared for one eviction: each means to sort its containers, and a milder choice is seldom found among more.
    private const int MaxEvictionCandidates = 16;

    // Searches for room to be made, in one operation, so that none takes long; the others follow with the next check. To reserve means to look at all workers.
    private const int MaxEffort = 32;
    private const int ReservationEffort = 8;

    // The lowest priority, then the largest, then the youngest goes first; where GPUs are needed, those that have some.
    private static readonly Comparison<PlacedContainer> s_largestFirst = static (x, y) =>
        x.Need.Priority != y.Need.Priority ? x.Need.Priority.CompareTo(y.Need.Priority)
        : x.MilliCores != y.MilliCores ? y.MilliCores.CompareTo(x.MilliCores)
        : x.MemoryMiB != y.MemoryMiB ? y.MemoryMiB.CompareTo(x.MemoryMiB)
        : y.Sequence.CompareTo(x.Sequence);

    private static readonly Comparison<PlacedContainer> s_gpusFirst = static (x, y) =>
        x.Need.Priority == y.Need.Priority && x.Gpus == 0 != (y.Gpus == 0) ? (x.Gpus == 0).CompareTo(y.Gpus == 0) : s_largestFirst(x, y);

    private readonly SortedDictionary<int, int> _preemptible = [];
    private readonly List<PlacedContainer> _evictable = [];
    private int _reservedWorkers;
    private int _effort;

    /// <summary>The container is about to be stopped for another.</summary>
    /// <returns>False if it need not be any more: whoever needed the room has it elsewhere, or does not want it.</returns>
    public bool BeginEviction(string containerId)
    {
        if (_placed.TryGetValue(containerId, out var container) && container.IsEvicting)
        {
            container.EvictionBegan = true;
            return true;
        }

        return false;
    }

    private void CountPreemptible(int priority, int sign)
    {
        var count = _preemptible.GetValueOrDefault(priority) + sign;
        if (count > 0)
        {
            _preemptible[priority] = count;
        }
        else
        {
            _preemptible.Remove(priority);
        }
    }

    private bool MayPreempt(WaitingItem item)
    {
        if (_preemptible.Count == 0 || item.Size > 1)
        {
            return false;
        }

        foreach (var (lowest, _) in _preemptible)
        {
            return lowest < item.Need.Priority;
        }

        return false;
    }

    // Evicts the least there is: of the worker where the highest priority that has to go is lowest, then where the fewest have to.
    private bool TryPreempt(WaitingItem item)
    {
        if (item.Reservation is not null || !MayPreempt(item) || !IsWithinQuota(item.Queue.Class) || --_effort < 0)
        {
            return false;
        }

        var priority = item.Need.Priority;
        foreach (var tier in TiersOf(item.Queue.Class))
        {
            List<PlacedContainer>? best = null;
            var looked = 0;
            foreach (var group in tier.Groups)
            {
                var first = Random(group.Workers.Count);
                for (var i = 0; i < group.Workers.Count && looked < MaxEvictionCandidates; i++)
                {
                    var worker = group.Workers[(first + i) % group.Workers.Count];
                    _considered++;
                    if (worker.LowestPriority < priority && worker.IsOpen && worker.CanEverHold(tier, tier.ModelsIn(group)))
                    {
                        looked++;
                        best = Milder(best, VictimsOn(worker, tier, priority));
                    }
                }
            }

            if (best is not null)
            {
                Reserve(item, best[0].Worker);
                foreach (var victim in best)
                {
                    victim.EvictedFor = item.Reservation;
                    item.Reservation!.Victims.Add(victim);
                    _events.Add(new PlacementEvent.Preempt(victim.Function.Id, victim.Id));
                }

                return true;
            }
        }

        return false;
    }

    private static List<PlacedContainer>? Milder(List<PlacedContainer>? one, List<PlacedContainer>? other)
    {
        if (one is null || other is null)
        {
            return one ?? other;
        }

        var (ofOne, ofOther) = (one.Max(c => c.Need.Priority), other.Max(c => c.Need.Priority));
        return ofOne != ofOther ? (ofOne < ofOther ? one : other)
            : one.Count != other.Count ? (one.Count < other.Count ? one : other)
            : string.CompareOrdinal(one[0].Worker.Session, other[0].Worker.Session) <= 0 ? one : other;
    }

    private List<PlacedContainer>? VictimsOn(WorkerCapacity worker, NeedTier tier, int priority)
    {
        var models = tier.ModelsIn(worker.Group);
        _evictable.Clear();
        for (var i = 0; i < worker.Containers.Count; i++)
        {
            if (worker.Containers[i] is { IsEvicting: false, Need.Nonpreemptible: false } container && container.Need.Priority < priority)
            {
                _evictable.Add(container);
            }
        }

        if (_evictable.Count == 0 || !worker.CanHoldWithout(tier, models, _evictable))
        {
            return null;
        }

        _evictable.Sort(tier.Want[3] > 0 ? s_gpusFirst : s_largestFirst);
        var victims = new List<PlacedContainer>();
        foreach (var container in _evictable)
        {
            victims.Add(container);
            if (worker.CanHoldWithout(tier, models, victims))
            {
                break;
            }
        }

        // Those are spared who turn out not to be in the way.
        for (var i = victims.Count - 1; i >= 0; i--)
        {
            var spared = victims[i];
            victims.RemoveAt(i);
            if (!worker.CanHoldWithout(tier, models, victims))
            {
                victims.Insert(i, spared);
            }
        }

        return victims.Count > 0 ? victims : null;
    }

    // For one that has waited too long: those workers of which least is missing take nobody else until it is placed.
    private bool TryReserve(WaitingItem item)
    {
        if ((_effort -= ReservationEffort) < 0)
        {
            return false;
        }

        var most = Math.Max(item.Size, _workers.Count / 10);
        foreach (var tier in TiersOf(item.Queue.Class))
        {
            var chosen = new List<WorkerCapacity>();
            var many = 0;
            foreach (var worker in tier.Groups.SelectMany(g => g.Workers).Where(w => w.IsOpen && w.CanEverHold(tier, tier.ModelsIn(w.Group)))
                .Select(w => (Worker: w, Missing: w.Missing(tier))).OrderBy(w => w.Missing).ThenBy(w => w.Worker.Session, StringComparer.Ordinal).Select(w => w.Worker))
            {
                chosen.Add(worker);
                many += HowManyEver(worker, tier);
                if (many >= item.Size)
                {
                    break;
                }
            }

            if (many >= item.Size && _reservedWorkers + chosen.Count <= most)
            {
                chosen.ForEach(w => Reserve(item, w));
                return true;
            }
        }

        return false;
    }

    private void Reserve(WaitingItem item, WorkerCapacity worker)
    {
        item.Reservation ??= new Reservation(item);
        item.Reservation.Workers.Add(worker);
        worker.Reservation = item.Reservation;
        worker.Group.Update(worker);
        _reservedWorkers++;
    }

    // Evictions that have begun go on; the others are called off. The room is everybody's again.
    private void Cancel(Reservation? reservation)
    {
        if (reservation is null)
        {
            return;
        }

        reservation.Item.Reservation = null;
        foreach (var victim in reservation.Victims)
        {
            victim.EvictedFor = null;
            if (!victim.EvictionBegan)
            {
                _events.RemoveAll(e => e is PlacementEvent.Preempt && e.ContainerId == victim.Id);
            }
        }

        foreach (var worker in reservation.Workers)
        {
            worker.Reservation = null;
            worker.Group.Update(worker);
            _reservedWorkers--;
            Gain(worker);
        }

        CheckAt(_now + PreemptionRetryMs);
    }

    private void ServeReservations()
    {
        for (var i = 0; i < _gained.Count; i++)
        {
            if (_gained[i].Reservation is not { } reservation)
            {
                continue;
            }

            var item = reservation.Item;
            if (!IsWithinQuota(item.Queue.Class))
            {
                Cancel(reservation);
                WaitForQuota(item.Queue.Class);
            }
            else if (item.Size > 1)
            {
                TryPlaceCluster(item);
            }
            else if (TierOn(item.Queue.Class, _gained[i]) is { } tier)
            {
                Settle(item, _gained[i], tier);
            }
        }
    }
}
