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
                if (attempt.Batch != 0)
                {
                    Gather(attempt, held);
                    continue;
                }

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
                if (held.IsAbandoned)
                {
                    Abandon(held, frame);
                }
            }

            if (frame.Ids.Count > 0)
            {
                _sandbox?.Send(new WorkerFrame { Cancel = frame });
            }
        }
    }

    private void Abandon(HeldInput held, RunnerCancel frame)
    {
        foreach (var one in held.Batch.Count > 0 ? held.Batch : [held])
        {
            frame.Ids.Add(one.Id);
            if (one.Began != 0)
            {
                one.KillAt = _services.Time.GetTimestamp() + Ticks(_services.Options.CancelGrace);
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

            var late = new RunnerCancel();
            foreach (var held in _held.Values)
            {
                if (held.Began != 0 && !held.TimedOut && _services.Time.GetElapsedTime(held.Began, now) >= Timeout)
                {
                    held.TimedOut = true;
                    held.KillAt = now + Ticks(_services.Options.CancelGrace);
                    late.Ids.Add(held.Id);
                }
                else if (held.IsAbandoned && held.Began != 0 && held.KillAt == 0)
                {
                    // It began after it was cancelled, before the runner knew.
                    held.KillAt = now + Ticks(_services.Options.CancelGrace);
                }
            }

            if (late.Ids.Count > 0)
            {
                // In one frame: the runner cancels a batch when all of it is named.
                _sandbox.Send(new WorkerFrame { Cancel = late });
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
        if (await FetchOrReportAsync(held, payload) is { } bytes)
        {
            lock (_gate)
            {
                _sandbox?.Send(new WorkerFrame { Inputs = new RunnerInputs { Inputs = { new RunnerInput { Id = held.Id, Method = method, Arguments = bytes } } } });
            }
        }
    }

    // A batch may come in several messages; it goes to the runner in one frame.
    private void Gather(Attempt attempt, HeldInput held)
    {
        if (!_gathering.TryGetValue(attempt.Batch, out var batch))
        {
            _gathering.Add(attempt.Batch, batch = []);
        }

        batch.Add((attempt, held));
        if (batch.Count < attempt.BatchSize)
        {
            return;
        }

        _gathering.Remove(attempt.Batch);
        HeldInput[] members = [.. batch.Select(b => b.Held)];
        foreach (var member in members)
        {
            member.Batch = members;
        }

        if (batch.Exists(static b => b.Attempt.Arguments is { ContentCase: Payload.ContentOneofCase.BlobDigest }))
        {
            Track(SendBatchLaterAsync(batch));
            return;
        }

        var frame = new RunnerInputs();
        frame.Inputs.AddRange(batch.Select(static b => InputOf(b.Attempt, b.Held, b.Attempt.Arguments?.Inline ?? ByteString.Empty)));
        _sandbox?.Send(new WorkerFrame { Inputs = frame });
    }

    // What cannot be fetched fails by itself; the others run without it.
    private async Task SendBatchLaterAsync(List<(Attempt Attempt, HeldInput Held)> batch)
    {
        await Task.Yield();
        var frame = new RunnerInputs();
        foreach (var (attempt, held) in batch)
        {
            if (attempt.Arguments is not { ContentCase: Payload.ContentOneofCase.BlobDigest } payload)
            {
                frame.Inputs.Add(InputOf(attempt, held, attempt.Arguments?.Inline ?? ByteString.Empty));
            }
            else if (await FetchOrReportAsync(held, payload) is { } bytes)
            {
                frame.Inputs.Add(InputOf(attempt, held, bytes));
            }
        }

        lock (_gate)
        {
            HeldInput[] members = [.. batch.Select(b => b.Held).Where(h => _held.ContainsKey(h.Id))];
            foreach (var member in members)
            {
                member.Batch = members;
            }

            if (frame.Inputs.Count > 0)
            {
                _sandbox?.Send(new WorkerFrame { Inputs = frame });
            }
        }
    }

    private static RunnerInput InputOf(Attempt attempt, HeldInput held, ByteString arguments) =>
        new() { Id = held.Id, Method = attempt.Method, Arguments = arguments, Batch = attempt.Batch };

    private async Task<ByteString?> FetchOrReportAsync(HeldInput held, Payload payload)
    {
        try
        {
            return await FetchAsync(payload);
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

            return null;
        }
    }

    private void Track(Task transfer)
    {
        _transfers.RemoveAll(static t => t.IsCompletedSuccessfully);
        _transfers.Add(transfer);
    }
}
