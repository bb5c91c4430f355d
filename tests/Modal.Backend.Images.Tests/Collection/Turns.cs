namespace Modal.Backend.Images.Tests.Collection;

/// <summary>Lets several go on one at a time, in an order that a seed chooses: each waits for its turn before each thing that it asks of the store.</summary>
internal sealed class Turns(Random random)
{
    private static readonly AsyncLocal<int> s_number = new();

    private readonly Lock _gate = new();
    private readonly SortedList<int, TaskCompletionSource> _waiting = [];
    private readonly List<Task> _all = [];
    private TaskCompletionSource _isQuiet = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The one who calls is one of them, until all are added.
    private int _running = 1;

    /// <summary>Adds one. None may ask two things at the same time.</summary>
    public void Add(Func<Task> act)
    {
        lock (_gate)
        {
            _running++;
        }

        var number = _all.Count;
        _all.Add(Task.Run(async () =>
        {
            s_number.Value = number;
            try
            {
                await WaitAsync();
                await act();
            }
            finally
            {
                Rest(null);
            }
        }));
    }

    /// <summary>Waits until it is the caller's turn.</summary>
    public Task WaitAsync()
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Rest(turn);
        return turn.Task;
    }

    /// <summary>Runs all to their ends.</summary>
    /// <param name="beforeEach">Called before each turn.</param>
    public async Task RunAsync(Action beforeEach)
    {
        Rest(null);
        while (true)
        {
            await _isQuiet.Task;
            TaskCompletionSource next;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    break;
                }

                var number = random.Next(_waiting.Count);
                next = _waiting.GetValueAtIndex(number);
                _waiting.RemoveAt(number);
                (_running, _isQuiet) = (1, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            beforeEach();
            next.SetResult();
        }

        await Task.WhenAll(_all);
    }

    private void Rest(TaskCompletionSource? turn)
    {
        lock (_gate)
        {
            if (turn is not null)
            {
                _waiting.Add(s_number.Value, turn);
            }

            if (--_running == 0)
            {
                _isQuiet.SetResult();
            }
        }
    }
}
