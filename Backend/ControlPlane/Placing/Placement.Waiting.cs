namespace Modal.Backend.ControlPlane.Placing;

/// <content>What waits, in which order it is served, and what it is told.</content>
internal sealed partial class Placement
{
    // Looking for a whole cluster touches many workers: where room comes and goes all the time, ten times a second are enough.
    private const long ClusterSearchMs = 100;

    // How often those who may take others' place look again whether they can.
    private const long PreemptionRetryMs = 1_000;

    // Classes that were looked for in vain, and those that wait for the quota.
    private readonly List<NeedClass> _full = [];
    private readonly List<NeedClass> _overQuota = [];
    private readonly List<NeedClass> _dirty = [];
    private readonly List<WaitingItem> _arrived = [];
    private readonly List<WaitingQueue> _served = [];
    private readonly PriorityQueue<NeedClass, QueueKey> _heads = new(QueueOrder.Instance);
    private long _nextCheckMs = long.MaxValue;

    private enum Outcome
    {
        Placed,
        NoRoom,
        OverQuota,
    }

    private void Enqueue(PoolRequest request)
    {
        var function = FunctionOf(request);
        if (request.ClusterSize <= 1)
        {
            var item = new WaitingItem(QueueOf(function, request.Need!, 1), 1, _now, ++_sequence);
            item.Members.Add(request);
            _requests.Add(request.ContainerId, item);
            Enqueue(item);
            return;
        }

        if (!_gathering.TryGetValue(request.ClusterId, out var cluster))
        {
            cluster = new WaitingItem(QueueOf(function, request.Need!, request.ClusterSize), request.ClusterSize, _now, ++_sequence);
            _gathering.Add(request.ClusterId, cluster);
            function.Gathering++;
        }

        cluster.Members.Add(request);
        _requests.Add(request.ContainerId, cluster);
        if (cluster.Members.Count == cluster.Size)
        {
            _gathering.Remove(request.ClusterId);
            function.Gathering--;
            // Another queue may have taken its place meanwhile.
            cluster.Queue = QueueOf(function, cluster.Need, cluster.Size);
            Enqueue(cluster);
        }
    }

    private void Enqueue(WaitingItem item)
    {
        var queue = item.Queue;
        item.Node = queue.Items.AddLast(item);
        if (queue.Items.Count == 1)
        {
            queue.Function.Queues.Add(queue);
            queue.Function.App!.Queues.Add(queue);
            queue.Key = KeyOf(queue);
            queue.Class.Queues.Add(queue);
        }

        _arrived.Add(item);
        if (!queue.Class.IsFull)
        {
            MarkDirty(queue.Class);
        }
    }

    private WaitingQueue QueueOf(Usage function, ResourceNeed need, int size)
    {
        var shape = ClassOf(need, size);
        return function.Queues.Find(q => q.Class == shape && q.Priority == need.Priority) ?? new WaitingQueue(function, shape, need.Priority, ++_sequence);
    }

    private NeedClass ClassOf(ResourceNeed need, int size)
    {
        var key = size == 1 ? need.Shape : $"{need.Shape}|{size}";
        if (!_classes.TryGetValue(key, out var shape))
        {
            if (_classes.Count >= MaxIdleClasses)
            {
                foreach (var idle in _classes.Values.Where(c => c.Queues.Count == 0 && !c.IsDirty).ToArray())
                {
                    _classes.Remove(idle.Key);
                }
            }

            _classes.Add(key, shape = new NeedClass(key, need, size));
        }

        return shape;
    }

    private void Withdraw(WaitingItem item, string containerId)
    {
        _requests.Remove(containerId);
        Cancel(item.Reservation);
        if (item.Node is not null)
        {
            Dequeue(item);
        }

        // What is left of a cluster waits for a new member.
        var function = item.Queue.Function;
        var member = item.Members.Find(m => m.ContainerId == containerId)!;
        item.Members.Remove(member);
        if (item.Size > 1)
        {
            function.Gathering += item.Members.Count > 0 && _gathering.TryAdd(member.ClusterId, item) ? 1 : 0;
            if (item.Members.Count == 0 && _gathering.Remove(member.ClusterId))
            {
                function.Gathering--;
            }
        }

        ForgetUnused(function);
    }

    // Out of its queue, and the queue out of the order if it is empty.
    private void Dequeue(WaitingItem item)
    {
        var queue = item.Queue;
        queue.Items.Remove(item.Node!);
        item.Node = null;
        queue.Class.Queues.Remove(queue);
        if (queue.Items.Count > 0)
        {
            queue.Key = KeyOf(queue);
            queue.Class.Queues.Add(queue);
            return;
        }

        queue.Function.Queues.Remove(queue);
        queue.Function.App!.Queues.Remove(queue);
        if (queue.Class.Queues.Count == 0)
        {
            SetFull(queue.Class, false);
            SetOverQuota(queue.Class, false);
        }
    }

    private QueueKey KeyOf(WaitingQueue queue) =>
        new(queue.Priority, queue.Function.App!.DominantShare(_total), queue.Function.DominantShare(_total), queue.Items.First!.Value.Sequence);

    // What the app has changed: all its queues find their new place.
    private void Rank(Usage function)
    {
        foreach (var queue in function.App!.Queues)
        {
            queue.Class.Queues.Remove(queue);
            queue.Key = KeyOf(queue);
            queue.Class.Queues.Add(queue);
        }
    }

    private void MarkDirty(NeedClass need)
    {
        if (!need.IsDirty)
        {
            need.IsDirty = true;
            _dirty.Add(need);
        }
    }

    private void SetFull(NeedClass need, bool full)
    {
        if (need.IsFull != full)
        {
            need.IsFull = full;
            if (full)
            {
                _full.Add(need);
            }
            else
            {
                _full.Remove(need);
            }
        }
    }

    private void SetOverQuota(NeedClass need, bool over)
    {
        if (need.IsOverQuota != over)
        {
            need.IsOverQuota = over;
            if (over)
            {
                _overQuota.Add(need);
            }
            else
            {
                _overQuota.Remove(need);
            }
        }
    }

    // What is new, and what waits for room where room was gained; to place one may give back what was kept for it, and so on.
    private void Serve()
    {
        do
        {
            ServeReservations();
            CollectHeads();
            ServeHeads();
            foreach (var queue in _served)
            {
                // Its function was told that one of its containers has a place: it must hear that others still wait.
                if (queue.Items.Count > 0)
                {
                    Tell(queue);
                }
            }

            _served.Clear();
            foreach (var item in _arrived)
            {
                if (item.Node is not null)
                {
                    Arrive(item);
                }
            }

            _arrived.Clear();
        }
        while (_gained.Count > 0 || _dirty.Count > 0);
    }

    private void CollectHeads()
    {
        _offered.Clear();
        foreach (var worker in _gained)
        {
            worker.IsGained = false;
            _offered.Add(worker);
        }

        _gained.Clear();
        if (_offered.Count > 0)
        {
            foreach (var need in _full)
            {
                if (!need.IsDirty && MayFitOffered(need))
                {
                    _heads.Enqueue(need, need.Queues.Min!.Key);
                }
            }
        }

        foreach (var need in _dirty)
        {
            need.IsDirty = false;
            if (need.Queues.Count > 0)
            {
                _heads.Enqueue(need, need.Queues.Min!.Key);
            }
        }

        _dirty.Clear();
    }

    // Whoever is served gets a worse rank and no one a better one, so a head that still has the rank it was put in with is the first of all.
    private void ServeHeads()
    {
        while (_heads.TryDequeue(out var need, out var rank))
        {
            if (need.Queues.Min is not { } queue)
            {
                continue;
            }

            if (queue.Key != rank && _heads.TryPeek(out _, out var other) && QueueOrder.Instance.Compare(other, queue.Key) < 0)
            {
                _heads.Enqueue(need, queue.Key);
                continue;
            }

            switch (Serve(queue.Items.First!.Value))
            {
                case Outcome.Placed when need.Queues.Count > 0:
                    _heads.Enqueue(need, need.Queues.Min!.Key);
                    break;
                case Outcome.NoRoom:
                    SetOverQuota(need, false);
                    BecomeFull(need);
                    break;
                case Outcome.OverQuota:
                    WaitForQuota(need);
                    break;
            }
        }
    }

    private Outcome Serve(WaitingItem item)
    {
        var need = item.Queue.Class;
        if (!IsWithinQuota(need))
        {
            return Outcome.OverQuota;
        }

        var found = need.Size > 1 ? TryPlaceCluster(item) : need.IsFull ? TryPlaceOnOffered(item) : TryPlace(item);
        return found ? Outcome.Placed : Outcome.NoRoom;
    }

    // It has its place, or its places.
    private void Settle(WaitingItem item)
    {
        var queue = item.Queue;
        Dequeue(item);
        Cancel(item.Reservation);
        queue.Told = "";
        _served.Add(queue);
        Rank(queue.Function);
    }

    private bool MayFitOffered(NeedClass need)
    {
        if (need.Size > 1)
        {
            return _now >= need.SearchAgainMs;
        }

        foreach (var worker in _offered)
        {
            if (worker.IsOpen && TierOn(need, worker) is not null)
            {
                return true;
            }
        }

        return false;
    }

    private void BecomeFull(NeedClass need)
    {
        if (!need.IsFull)
        {
            SetFull(need, true);
            need.IsPossible = IsPossible(need);
            need.ImpossibleSinceMs = _now;
        }

        if (need.Size > 1 && _now >= need.SearchAgainMs)
        {
            need.SearchAgainMs = _now + ClusterSearchMs;
        }

        Explain(need);
    }

    private void WaitForQuota(NeedClass need)
    {
        SetFull(need, false);
        SetOverQuota(need, true);
        Tell(need, QuotaReason(need));
    }

    private void Explain(NeedClass need) => Tell(need, need.IsPossible ? WhyFull(need.Need) : WhyImpossible(need));

    private void Tell(NeedClass need, string reason)
    {
        if (need.Reason == reason)
        {
            return;
        }

        need.Reason = reason;
        foreach (var queue in need.Queues)
        {
            Tell(queue);
        }
    }

    private void Tell(WaitingQueue queue)
    {
        if (queue.Told != queue.Class.Reason)
        {
            queue.Told = queue.Class.Reason;
            _events.Add(new PlacementEvent.Waiting(queue.Function.Id, queue.Items.First!.Value.Members[0].ContainerId, queue.Told));
        }
    }

    // It is new and has to wait.
    private void Arrive(WaitingItem item)
    {
        var need = item.Queue.Class;
        Tell(item.Queue);
        if (need.IsFull && !TryPreempt(item))
        {
            CheckAt(!need.IsPossible ? _now + GraceMs : MayPreempt(item) ? _now + PreemptionRetryMs : _now + StarvationMs);
            CheckAt(need.Size > 1 ? need.SearchAgainMs : long.MaxValue);
        }
    }

    private void CheckAt(long due) => _nextCheckMs = Math.Min(_nextCheckMs, due);

    // What only time changes: requests that are given up, that look again whether they may evict, that have waited too long.
    private void Check()
    {
        _nextCheckMs = long.MaxValue;
        foreach (var need in _full.ToArray())
        {
            if (!need.IsPossible)
            {
                GiveUp(need);
                continue;
            }

            if (need.Size > 1 && need.SearchAgainMs <= _now)
            {
                MarkDirty(need);
            }

            foreach (var queue in need.Queues.ToArray())
            {
                var head = queue.Items.First!.Value;
                if (head.Reservation is null)
                {
                    var starving = head.SinceMs + StarvationMs;
                    var isDone = TryPreempt(head) || (starving <= _now && queue.Priority == need.Queues.Min!.Priority && TryReserve(head));
                    CheckAt(isDone ? long.MaxValue : MayPreempt(head) || starving <= _now ? _now + PreemptionRetryMs : starving);
                }
                else if (need.Size > 1)
                {
                    MarkDirty(need);
                    CheckAt(_now + PreemptionRetryMs);
                }
            }

            // Those behind a head that has its worker reserved become heads later.
            CheckAt(need.Queues.Count > 0 ? _now + StarvationMs : long.MaxValue);
            CheckAt(need.Size > 1 ? Math.Max(need.SearchAgainMs, _now + ClusterSearchMs) : long.MaxValue);
        }
    }

    private void GiveUp(NeedClass need)
    {
        foreach (var queue in need.Queues.ToArray())
        {
            for (var node = queue.Items.First; node is not null;)
            {
                var (item, next) = (node.Value, node.Next);
                var due = Math.Max(item.SinceMs, need.ImpossibleSinceMs) + GraceMs;
                if (due > _now)
                {
                    CheckAt(due);
                    break;
                }

                Dequeue(item);
                foreach (var member in item.Members)
                {
                    _requests.Remove(member.ContainerId);
                    _events.Add(new PlacementEvent.Impossible(queue.Function.Id, member.ContainerId, need.Reason));
                }

                node = next;
            }

            ForgetUnused(queue.Function);
        }
    }
}
