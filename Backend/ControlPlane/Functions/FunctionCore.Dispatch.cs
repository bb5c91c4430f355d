using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>Which container gets which input.</content>
internal sealed partial class FunctionCore
{
    private readonly List<ContainerState> _withRoom = [];
    private readonly ServiceTime _service = new();
    private int _reserved;

    private enum Fill
    {
        /// <summary>Containers that do nothing.</summary>
        Idle,

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
            DispatchSuspects();
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
                    Hand(_withRoom[i], TakeNext());
                }
            }
        }
    }

    private int RoomIn(ContainerState container, Fill level)
    {
        var held = container.Inputs.Count;
        if (container.IsReserved || container.HoldsSuspect)
        {
            return 0;
        }

        return level switch
        {
            Fill.Idle => held == 0 ? _settings.Concurrency : 0,
            Fill.Concurrency => _settings.Concurrency - held,
            _ => container.Credit - held,
        };
    }

    // A suspect runs in a container that holds nothing else. As containers seldom run empty by themselves, some are kept from taking more: one for
    // each suspect, but at least half of them (or, if there is one, that one only for as long as suspects wait) go on with the rest.
    private void DispatchSuspects()
    {
        var reservable = (_ready.Count + 1) / 2;
        foreach (var container in _ready)
        {
            if (_suspects.First is not { } suspect)
            {
                break;
            }

            if (container.Inputs.Count == 0)
            {
                container.IsReserved = false;
                _suspects.Remove(suspect);
                Hand(container, suspect);
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

    private void Hand(ContainerState container, InputState input)
    {
        if (container.IdleNode.List is not null)
        {
            _idle.Remove(container.IdleNode);
        }

        input.Phase = InputPhase.Running;
        input.Container = container;
        input.Attempt++;
        container.Inputs.Add(input, atFront: false);
        _running++;
        MarkDirty(container);
        (container.Outgoing ??= new DispatchInputs { ContainerId = container.Id }).Attempts.Add(
            new Attempt { Input = input.Ref, Attempt_ = input.Attempt, Method = input.Method, Arguments = input.Arguments });
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

        if (container.Inputs.Count == 0 && container.Phase == ContainerPhase.Ready)
        {
            container.IdleSinceMs = now;
            _idle.AddLast(container.IdleNode);
        }
    }

    // Doubling from batch to batch reaches 256 in eight round trips and does not trust a first measurement with more.
    private void GrowCredit(ContainerState container) =>
        container.Credit = Math.Min(_service.Credit(_settings.Concurrency), Math.Max(container.Credit, 1) * 2);
}
