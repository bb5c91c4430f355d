using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>Which container gets which input.</content>
internal sealed partial class FunctionCore
{
    private readonly List<ContainerState> _withRoom = [];
    private readonly ServiceTime _service = new();
    private int _reserved;
    private ulong _lastBatch;

    private enum Fill
    {
        /// <summary>Containers that do nothing.</summary>
        Idle,

        /// <summary>Up to what scaling aims at.</summary>
        Target,

        /// <summary>Up to what they run at the same time.</summary>
        Concurrency,

        /// <summary>Up to what they may hold in advance.</summary>
        Credit,
    }

    // Each level is filled over all containers before the next begins: work spreads before it piles up. Within a level the oldest come first,
    // so that with little to do the youngest fall idle and go away.
    private void DispatchWaiting(long now)
    {
        if (_suspects.Count > 0 || _reserved > 0)
        {
            DispatchSuspects(now);
        }

        if (_settings.IsBatched)
        {
            DispatchBatches(now);
            return;
        }

        for (var level = Fill.Idle; level <= Fill.Credit && _queued > 0; level++)
        {
            _withRoom.Clear();
            foreach (var container in _ready)
            {
                if (RoomIn(container, level) > 0)
                {
                    _withRoom.Add(container);
                }
            }

            for (var i = 0; i < _withRoom.Count && _queued > 0; i++)
            {
                var others = _withRoom.Count - i;
                var share = Math.Min((_queued + others - 1) / others, RoomIn(_withRoom[i], level));
                for (; share > 0; share--)
                {
                    Hand(_withRoom[i], TakeNext(), now);
                }
            }
        }
    }

    // One batch at a time in a container, of all that waits up to the size, once it is full or its first input has waited long enough. What had its turn before is not held back again.
    private void DispatchBatches(long now)
    {
        foreach (var container in _ready)
        {
            if (_queued == 0 || (_queued < _settings.BatchSize && _oldestQueuedMs + _settings.BatchWaitMs > now))
            {
                return;
            }

            if (container.Inputs.Count == 0 && !IsClosed(container))
            {
                var size = Math.Min(_queued, _settings.BatchSize);
                _lastBatch++;
                for (var i = 0; i < size; i++)
                {
                    Hand(container, TakeNext(), now, size);
                }

                _oldestQueuedMs = long.MaxValue;
                foreach (var stream in _round)
                {
                    _oldestQueuedMs = Math.Min(_oldestQueuedMs, stream.Round.First!.Queue.First!.ArrivedMs);
                }
            }
        }
    }

    // Holds something that must be alone in it, or may hold nothing more.
    private bool IsClosed(ContainerState container) => container.IsReserved || container.HoldsSuspect || (_settings.IsSingleUse && container.IsUsed);

    private int RoomIn(ContainerState container, Fill level)
    {
        var held = container.Inputs.Count;
        if (IsClosed(container))
        {
            return 0;
        }

        return level switch
        {
            Fill.Idle => held == 0 ? _settings.TargetConcurrency : 0,
            Fill.Target => _settings.TargetConcurrency - held,
            Fill.Concurrency => _settings.Concurrency - held,
            _ => container.Credit - held,
        };
    }

    // A suspect runs in a container that holds nothing else. As containers seldom run empty by themselves, some are kept from taking more: one for
    // each suspect, but at least half of them (or, if there is one, that one only for as long as suspects wait) go on with the rest.
    private void DispatchSuspects(long now)
    {
        var reservable = (_ready.Count + 1) / 2;
        foreach (var container in _ready)
        {
            if (_suspects.First is not { } suspect)
            {
                break;
            }

            if (container.Inputs.Count == 0 && !(_settings.IsSingleUse && container.IsUsed))
            {
                container.IsReserved = false;
                _suspects.Remove(suspect);
                _lastBatch++;
                Hand(container, suspect, now);
            }
        }

        var reserve = Math.Min(_suspects.Count, reservable);
        _reserved = reserve;
        foreach (var container in _ready)
        {
            container.IsReserved = reserve > 0 && !container.HoldsSuspect;
            reserve -= container.IsReserved ? 1 : 0;
        }
    }

    private InputState TakeNext()
    {
        var stream = _round.First!.Value;
        var call = stream.Round.First!;
        var input = call.Queue.First!;
        LeaveQueue(input);
        // Whoever had a turn goes to the end of the round, if there is still something to do for it.
        if (call.Queue.Count > 0)
        {
            stream.Round.Remove(call);
            stream.Round.Add(call, atFront: false);
        }

        if (stream.Round.Count > 0)
        {
            _round.Remove(stream.Node);
            _round.AddLast(stream.Node);
        }

        return input;
    }

    private void Hand(ContainerState container, InputState input, long now, int batchSize = 1)
    {
        if (container.IdleNode.List is not null)
        {
            _idle.Remove(container.IdleNode);
        }

        input.Phase = InputPhase.Running;
        input.Container = container;
        input.Attempt++;
        container.IsUsed = true;
        container.Inputs.Add(input, atFront: false);
        if (_running++ == 0)
        {
            _busySinceMs = _progressMs = now;
        }

        MarkDirty(container);
        var attempt = new Attempt { Input = input.Ref, Attempt_ = input.Attempt, Method = input.Method, Arguments = input.Arguments };
        if (_settings.IsBatched)
        {
            (attempt.Batch, attempt.BatchSize) = (_lastBatch, batchSize);
        }

        (container.Outgoing ??= new DispatchInputs { ContainerId = container.Id }).Attempts.Add(attempt);
    }

    // The container no longer holds the input.
    private void TakeFrom(ContainerState container, InputState input, long now)
    {
        container.Inputs.Remove(input);
        input.Container = null;
        if (input.Phase == InputPhase.Finished)
        {
            _abandoned.Remove((container, input.Call.Stream.Id, input.Call.Number, input.Index));
        }

        if (container.Inputs.Count > 0 || container.Phase != ContainerPhase.Ready)
        {
            return;
        }

        if (_settings.IsSingleUse)
        {
            StopOne(container, s_idleGrace, "it has served its one input");
            return;
        }

        container.IdleSinceMs = now;
        _idle.AddLast(container.IdleNode);
    }

    // Doubling from round to round reaches 256 in eight round trips and does not trust a first measurement with more.
    private void GrowCredit(ContainerState container)
    {
        if (!_settings.IsSingleUse && !_settings.IsBatched)
        {
            container.Credit = Math.Min(_service.Credit(_settings.Concurrency), Math.Max(container.Credit, 1) * 2);
        }
    }
}
