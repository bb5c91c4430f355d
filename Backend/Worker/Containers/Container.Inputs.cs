using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <content>Inputs on their way in, and the time they take.</content>
internal sealed partial class Container
{
    // The runner looks for unsent results and starts every 10 ms; twice that, and some.
    private static readonly TimeSpan s_surelySent = TimeSpan.FromMilliseconds(50);

    public void Dispatch(IReadOnlyList<Attempt> attempts)
    {
        lock (_gate)
        {
            var frame = new RunnerInputs();
            foreach (var attempt in attempts)
            {
                var held = new HeldInput(attempt, ++_lastId);
                _held.Add(held.Id, held);
                if (attempt.Arguments is { ContentCase: Payload.ContentOneofCase.BlobDigest } payload)
                {
                    Track(SendLaterAsync(held, attempt.Method, payload));
                    continue;
                }

                frame.Inputs.Add(new RunnerInput { Id = held.Id, Method = attempt.Method, Arguments = attempt.Arguments?.Inline ?? ByteString.Empty });
            }

            if (frame.Inputs.Count > 0)
            {
                _sandbox?.Send(new WorkerFrame { Inputs = frame });
            }
        }
    }

    public void Cancel(IReadOnlyList<InputRef> inputs)
    {
        lock (_gate)
        {
            var wanted = inputs.ToHashSet();
            var frame = new RunnerCancel();
            foreach (var held in _held.Values.Where(h => wanted.Contains(h.Input) && !h.Cancelled))
            {
                held.Cancelled = true;
                frame.Ids.Add(held.Id);
                if (held.Began != 0)
                {
                    held.KillAt = _services.Time.GetTimestamp() + Ticks(_services.Options.CancelGrace);
                }
            }

            if (frame.Ids.Count > 0)
            {
                _sandbox?.Send(new WorkerFrame { Cancel = frame });
            }
        }
    }

    public void Acknowledge(long bytes)
    {
        lock (_gate)
        {
            var managed = _output.Acknowledge(bytes);
            if (managed > 0)
            {
                _sandbox?.Send(new WorkerFrame { OutputAck = new RunnerOutputAck { Bytes = managed } });
            }

            _sandbox?.ReadPipes(_output.WantsPipes);
        }
    }

    /// <summary>Time passed: looks for inputs past their timeout, code that does not stop, a silent runner.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            if (_sandbox is null)
            {
                return;
            }

            if (_framesHeld && !_outbox.IsFull)
            {
                _framesHeld = false;
                _sandbox.ReadFrames(true);
            }

            var now = _services.Time.GetTimestamp();
            if (_killAt != 0 && now >= _killAt)
            {
                _sandbox.Kill();
                return;
            }

            foreach (var held in _held.Values)
            {
                if (held.Began != 0 && !held.TimedOut && _services.Time.GetElapsedTime(held.Began, now) >= Timeout)
                {
                    held.TimedOut = true;
                    held.KillAt = now + Ticks(_services.Options.CancelGrace);
                    _sandbox.Send(new WorkerFrame { Cancel = new RunnerCancel { Ids = { held.Id } } });
                }
                else if (held.Cancelled && held.Began != 0 && held.KillAt == 0)
                {
                    // It began after it was cancelled, before the runner knew.
                    held.KillAt = now + Ticks(_services.Options.CancelGrace);
                }
            }

            if (_held.Values.Where(h => h.KillAt != 0 && now >= h.KillAt).ToList() is { Count: > 0 } overdue)
            {
                KillFor(overdue);
            }
            else if (_isReady && !_framesHeld && _services.Time.GetElapsedTime(_lastHeard, now) > _services.Options.SilenceLimit)
            {
                _failure = new Failure { Kind = FailureKind.Lost, Message = $"The container has given no sign of life for {_services.Options.SilenceLimit.TotalSeconds:0} s." };
                _sandbox.Kill();
            }
        }
    }

    private void KillFor(List<HeldInput> overdue)
    {
        foreach (var held in overdue)
        {
            Report(held, new AttemptResult { Failure = held.TimedOut ? TimedOut() : Cancelled(), RunUs = RunTime(held) });
        }

        _failure = overdue[0].TimedOut ? TimedOut() : Cancelled();
        _blamed = true;
        _sandbox!.Kill();
    }

    private Failure TimedOut() => new()
    {
        Kind = FailureKind.Timeout,
        ContainerId = Id,
        Message = FormattableString.Invariant($"'{_start.Function.Name}' ran longer than its timeout of {Timeout.TotalSeconds:0.###} s and was killed. Raise TimeoutSeconds or do less in one input."),
    };

    private Failure Cancelled() => new() { Kind = FailureKind.Cancelled, ContainerId = Id, Message = "The call was cancelled." };

    private async Task SendLaterAsync(HeldInput held, int method, Payload payload)
    {
        await Task.Yield();
        try
        {
            var bytes = await FetchAsync(payload);
            lock (_gate)
            {
                _sandbox?.Send(new WorkerFrame { Inputs = new RunnerInputs { Inputs = { new RunnerInput { Id = held.Id, Method = method, Arguments = bytes } } } });
            }
        }
        catch (Exception e) when (e is FileNotFoundException or IOException or Grpc.Core.RpcException or OperationCanceledException)
        {
            lock (_gate)
            {
                Report(held, new AttemptResult
                {
                    Failure = new Failure { Kind = FailureKind.Internal, ContainerId = Id, Message = $"The arguments could not be fetched from the store: {e.Message}" },
                });
            }
        }
    }

    private void Track(Task transfer)
    {
        _transfers.RemoveAll(static t => t.IsCompletedSuccessfully);
        _transfers.Add(transfer);
    }
}
