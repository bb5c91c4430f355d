using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>
/// Detached calls. To the core they are one more stream, whose client is this grain: it feeds what is on disk, and acknowledges results when they are. What is on disk
/// and has no result is fed again after a restart.
/// </content>
internal sealed partial class FunctionGrain
{
    private const string DetachedStream = "detached";

    // Within the limit of a call between grains.
    private static readonly TimeSpan s_longPoll = TimeSpan.FromSeconds(15);

    private readonly DetachedCalls _detached = new();
    private readonly List<DetachedCall> _endings = [];
    private List<CallResult> _detachedResults = [];
    private Task _recovered = Task.CompletedTask;
    private Task _written = Task.CompletedTask;
    private bool _isWriting;
    private Task _released = Task.CompletedTask;
    private bool _holdsApp;
    private bool _isFed;
    private FunctionConfiguration? _storedConfiguration;

    private IAppGrain App => GrainFactory.GetGrain<IAppGrain>(_configuration!.AppId);

    public async Task<PutCallsOutcome> PutCallsAsync(CallParts request)
    {
        var (appId, parts) = request;
        await _recovered;
        if (_core is null || _configuration?.AppId != appId || _core.IsStopping || !await HoldAppAsync())
        {
            ForgetUnknown();
            return PutCallsOutcome.UnknownFunction;
        }

        if (!_core.HasRoom(DetachedStream, parts.Sum(static p => p.Inputs.Count)))
        {
            return PutCallsOutcome.TooMany;
        }

        if (parts.Any(p => p.FirstIndex > 0 && _detached.Find(p.CallId) is { } known && p.FirstIndex > known.Inputs))
        {
            return PutCallsOutcome.Gap;
        }

        // The database does not look at this: a part of a call that is not there is dropped below.
        var taken = parts.Where(p => p.FirstIndex == 0 || _detached.Find(p.CallId) is { IsComplete: false } known && p.FirstIndex == known.Inputs).ToArray();
        var configuration = _configuration;
        var added = configuration == _storedConfiguration
            ? await _calls.AddAsync(null, "", this.GetPrimaryKeyString(), taken)
            : await _calls.AddAsync(configuration, await App.GetNameAsync(), this.GetPrimaryKeyString(), taken);
        _storedConfiguration = configuration;
        for (var i = 0; i < taken.Length; i++)
        {
            if (added[i])
            {
                Feed(taken[i]);
            }
        }

        if (_core.IsStopping)
        {
            // It was stopped meanwhile, and what was stored then is cancelled with the rest.
            await CancelDetachedAsync();
            return PutCallsOutcome.UnknownFunction;
        }

        await AfterTurn();
        return PutCallsOutcome.Stored;
    }

    public async Task<bool> CancelCallAsync(string callId, bool terminateContainers)
    {
        await _recovered;
        if (_core is null || _detached.Find(callId) is not { } call)
        {
            ForgetUnknown();
            return false;
        }

        if (terminateContainers)
        {
            _core.TerminateContainersOf(DetachedStream, call.Number, _clock.NowMs);
        }

        Cancel(call);
        await AfterTurn();
        return true;
    }

    public async Task<bool> WaitCallAsync(string callId, ulong after)
    {
        await _recovered;
        if (_core is null || _detached.Find(callId) is not { } call)
        {
            ForgetUnknown();
            return false;
        }

        if (call.StoredSeq <= after)
        {
            await Task.WhenAny(call.WhenChanged(), Task.Delay(s_longPoll, _clock.Time));
        }

        return true;
    }

    public Task<int> CountRunningAsync(string callId)
    {
        if (_core is null)
        {
            ForgetUnknown();
        }

        return Task.FromResult(_core is not null && _detached.Find(callId) is { } call ? _core.CountRunning(DetachedStream, call.Number) : 0);
    }

    // What an earlier process had stored.
    private async Task RecoverAsync()
    {
        IReadOnlyList<UnfinishedCall> calls = [];
        await Retrying.UntilDoneAsync(async () => calls = await _calls.ListUnfinishedAsync(this.GetPrimaryKeyString()), _clock.Time, _logger, CancellationToken.None);
        if (calls.Count == 0)
        {
            await App.ReleaseAsync(this.GetPrimaryKeyString());
            return;
        }

        if (!await HoldAppAsync())
        {
            return;
        }

        _storedConfiguration = null;
        foreach (var stored in calls)
        {
            var call = _detached.Add(stored.CallId);
            (call.Inputs, call.IsComplete, call.Seq, call.StoredSeq) = (stored.Inputs, stored.IsComplete, stored.Seq, stored.Seq);
            (call.Succeeded, call.Failed) = (stored.Succeeded, stored.Failed);
            Feed(call, stored.Open.Select(static o => (o.Index, o.Input)));
        }

        _logger.CallsRecovered(calls.Count, Name);
        await AfterTurn();
    }

    private async Task<bool> HoldAppAsync()
    {
        // In this order, or the app would end although it is held.
        await _released;
        if (!_holdsApp)
        {
            _holdsApp = await App.HoldAsync(this.GetPrimaryKeyString());
        }

        return _holdsApp;
    }

    private void Feed(CallPart part)
    {
        var call = _detached.Find(part.CallId) ?? _detached.Add(part.CallId);
        call.Inputs += (ulong)part.Inputs.Count;
        call.IsComplete |= part.IsLast;
        Feed(call, part.Inputs.Select((input, i) => (part.FirstIndex + (ulong)i, input)));
        if (call.State != CallStatus.Running)
        {
            // All it has are done already, or it has none.
            Finish(call);
        }
    }

    private void Feed(DetachedCall call, IEnumerable<(ulong Index, DetachedInput Input)> inputs)
    {
        if (!_isFed)
        {
            _isFed = true;
            _core!.OpenStream(DetachedStream, 0, _clock.NowMs);
        }

        Input[] messages = [.. inputs.Select(i => new Input { Call = call.Number, Index = i.Index, Method = i.Input.Method, Arguments = i.Input.Arguments })];
        if (messages.Length > 0)
        {
            _core!.AddInputs(DetachedStream, messages, _clock.NowMs);
        }
    }

    private void Cancel(DetachedCall call)
    {
        (call.IsCancelled, call.IsComplete) = (true, true);
        _core!.CancelInputs(DetachedStream, call.Number, [], _clock.NowMs);
        if (call.State != CallStatus.Running)
        {
            Finish(call);
        }
    }

    private async Task CancelDetachedAsync()
    {
        foreach (var call in _detached.All.ToArray())
        {
            Cancel(call);
        }

        await _written;
    }

    private void DeliverDetached(CallResults results)
    {
        _detachedResults.AddRange(results.Results);
        Write();
    }

    private void Finish(DetachedCall call)
    {
        _endings.Add(call);
        Write();
    }

    private void Write()
    {
        if (!_isWriting)
        {
            _isWriting = true;
            _written = WriteAllAsync();
        }
    }

    // One write at a time, so that a call's results are on disk in the order of their numbers; what comes meanwhile goes with the next.
    private async Task WriteAllAsync()
    {
        await Task.Yield();
        while (_detachedResults.Count > 0 || _endings.Count > 0)
        {
            var (results, calls) = (_detachedResults, new Dictionary<DetachedCall, List<CallResult>>());
            _detachedResults = [];
            foreach (var ending in _endings)
            {
                calls.TryAdd(ending, []);
            }

            _endings.Clear();
            foreach (var result in results)
            {
                if (_detached.Find(result.Call) is { } call)
                {
                    if (!calls.TryGetValue(call, out var taken))
                    {
                        calls.Add(call, taken = []);
                    }

                    taken.Add(call.Take(result));
                }
            }

            CallResultsRow[] rows = [.. calls.Select(c => new CallResultsRow(c.Key.Id, c.Value, c.Key.State, c.Key.Succeeded, c.Key.Failed))];
            await Retrying.UntilDoneAsync(() => _calls.AddResultsAsync(rows, _keepResults), _clock.Time, _logger, CancellationToken.None);
            if (results.Count > 0)
            {
                _core!.AcknowledgeResults(DetachedStream, results[^1].Seq);
            }

            for (var i = 0; i < rows.Length; i++)
            {
                var call = _detached.Find(rows[i].CallId)!;
                if (rows[i].State != CallStatus.Running)
                {
                    _detached.Remove(call);
                }

                call.Tell();
            }
        }

        _isWriting = false;
        if (_detached.Count == 0 && _retiredBecause is not null)
        {
            _ = _logger.WatchAsync(AfterTurn());
        }

        if (_detached.Count == 0 && _holdsApp)
        {
            // Not awaited here: the app may end by that, and then stops this function, which waits for what is being written.
            _holdsApp = false;
            _released = _logger.WatchAsync(App.ReleaseAsync(this.GetPrimaryKeyString()));
        }
    }
}
