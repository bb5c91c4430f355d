using System.Threading.Channels;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>
/// Messages on their way to one peer. Any thread posts without ever waiting, so that a slow peer holds up nobody; one pump writes. What may pile up is bounded
/// by those who post: results by the inputs a client has open, output by each container's window, inputs by a container's credit.
/// </summary>
internal class Outbox<T>
    where T : class
{
    private readonly Lock _gate = new();

    // An event, not a queue: full means that the pump has been told already.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Queue<Item> _items = new();
    private Queue<Item>? _spare;
    private Item? _last;
    private bool _completed;

    /// <summary>Queues a message. After <see cref="Complete"/> it is dropped.</summary>
    public void Post(T message, Receipt? receipt = null)
    {
        lock (_gate)
        {
            if (!_completed)
            {
                Enqueue(message, receipt);
                receipt = null;
            }
        }

        receipt?.Settle();
        _signal.Writer.TryWrite(true);
    }

    /// <summary>No more messages: the pump writes what there is and ends.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _completed = true;
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Ends it and drops what was not written.</summary>
    public void Abort()
    {
        Complete();
        Drop(static _ => true);
    }

    /// <summary>Drops those queued messages that match.</summary>
    public void Drop(Func<T, bool> match)
    {
        var dropped = new List<Receipt>();
        lock (_gate)
        {
            var kept = new Queue<Item>();
            foreach (var item in _items)
            {
                if (!match(item.Message))
                {
                    kept.Enqueue(item);
                }
                else if (item.Receipt is not null)
                {
                    dropped.Add(item.Receipt);
                }
            }

            _items = kept;
            _last = null;
        }

        dropped.ForEach(static r => r.Settle());
    }

    /// <summary>Writes messages until the outbox is completed and empty. One pump at a time.</summary>
    /// <param name="write">Writes one message; the flag says that another follows at once.</param>
    /// <param name="cancellationToken">Ends the pump; what it had taken but not written counts as dropped.</param>
    public async Task PumpAsync(Func<T, bool, Task> write, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (batch, completed) = TakeAll(cancellationToken);
            try
            {
                while (batch.TryPeek(out var item))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    await write(item.Message, batch.Count > 1);
                    batch.Dequeue();
                    item.Receipt?.Settle();
                }
            }
            finally
            {
                while (batch.TryDequeue(out var item))
                {
                    item.Receipt?.Settle();
                }

                _spare = batch;
            }

            if (completed)
            {
                return;
            }

            await _signal.Reader.ReadAsync(cancellationToken);
        }
    }

    /// <summary>Called under the lock: may join the message to the last one queued.</summary>
    protected virtual bool TryMerge(T last, T message) => false;

    private void Enqueue(T message, Receipt? receipt)
    {
        if (receipt is null && _items.Count > 0 && _last is { Receipt: null } last && TryMerge(last.Message, message))
        {
            return;
        }

        _last = new Item(message, receipt);
        _items.Enqueue(_last);
    }

    private (Queue<Item> Batch, bool Completed) TakeAll(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            // Under the lock: a pump that was replaced must not take what is meant for its successor.
            cancellationToken.ThrowIfCancellationRequested();
            var batch = _items;
            _items = _spare ?? new Queue<Item>();
            _spare = null;
            _last = null;
            return (batch, _completed);
        }
    }

    private sealed record Item(T Message, Receipt? Receipt);
}
