using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>What containers report, and what becomes of it for clients.</content>
internal sealed partial class FunctionCore
{
    /// <summary>Outcomes of attempts. Those of attempts that are over, or of containers that were given up, are dropped.</summary>
    public void OnResults(string containerId, IReadOnlyList<AttemptResult> results, long now)
    {
        if (_containers.TryGetValue(containerId, out var container))
        {
            for (var i = 0; i < results.Count; i++)
            {
                OnResult(container, results[i], now);
            }

            container.HasAnswered |= results.Count > 0;
            GrowCredit(container);
        }
        else if (FindMember(containerId) is { } member)
        {
            OnMemberResults(member, results, now);
        }

        End(now);
    }

    /// <summary>Inputs that the container had not begun: they go back to the front, and the container holds fewer for a while.</summary>
    public void OnReturned(string containerId, IReadOnlyList<InputRef> inputs, long now)
    {
        if (_containers.TryGetValue(containerId, out var container))
        {
            container.Credit = _settings.Concurrency;
            // From the last to the first, each to the front: they keep their order.
            for (var i = inputs.Count - 1; i >= 0; i--)
            {
                if (FindHeld(container, inputs[i]) is { } input)
                {
                    TakeFrom(container, input, now);
                    if (input.Phase == InputPhase.Running)
                    {
                        _running--;
                        Enqueue(input, atFront: true);
                    }
                }
            }
        }
        else if (FindMember(containerId) is { } member)
        {
            OnMemberReturned(member, inputs, now);
        }

        End(now);
    }

    private void OnResult(ContainerState container, AttemptResult result, long now)
    {
        var input = FindHeld(container, result.Input);
        if (input is not null && input.Attempt != result.Attempt)
        {
            // The container may hold it twice: the attempt that was given up, and one for the client that came back.
            input = FindAbandoned(container, result.Input);
        }

        if (input is null || input.Attempt != result.Attempt)
        {
            return;
        }

        _progressMs = now;
        if (result.OutcomeCase == AttemptResult.OutcomeOneofCase.Yield)
        {
            OnYield(input, result);
            return;
        }

        if (result.Failure is not { Kind: FailureKind.Cancelled or FailureKind.Lost })
        {
            _service.Add(result.RunUs, isFirst: !container.HasAnswered);
        }

        TakeFrom(container, input, now);
        if (input.Phase != InputPhase.Running)
        {
            // Cancelled meanwhile; its result was delivered then.
            return;
        }

        _running--;
        if (result.Failure is { } failure && TryRetry(input, failure, now))
        {
            return;
        }

        if (result.Failure is { Kind: FailureKind.Lost } lost)
        {
            RequeueLost(input, lost);
            return;
        }

        var outcome = new CallResult { RunUs = result.RunUs };
        switch (result.OutcomeCase)
        {
            case AttemptResult.OutcomeOneofCase.Value:
                outcome.Value = result.Value;
                break;
            case AttemptResult.OutcomeOneofCase.Done:
                outcome.Done = true;
                break;
            case AttemptResult.OutcomeOneofCase.Failure:
                outcome.Failure = result.Failure;
                break;
            default:
                outcome.Failure = new Failure { Kind = FailureKind.Internal, Message = "The container sent a result without an outcome.", ContainerId = container.Id };
                break;
        }

        Complete(input, outcome);
    }

    private void OnYield(InputState input, AttemptResult result)
    {
        // A later attempt starts over: what the client has already is skipped.
        if (input.Phase != InputPhase.Running || result.YieldIndex != input.NextYield)
        {
            return;
        }

        var stream = input.Call.Stream;
        if (stream.RetainedBytes > MaxRetainedBytes)
        {
            Withdraw(input);
            Complete(input, new CallResult
            {
                Failure = new Failure
                {
                    Kind = FailureKind.Internal,
                    Message = $"More than {MaxRetainedBytes >> 20} MiB of elements wait for this client, which reads slower than they are made. Read faster, or yield less.",
                },
            });
            return;
        }

        input.NextYield++;
        Deliver(stream, new CallResult { Call = input.Call.Number, Index = input.Index, Yield = result.Yield, YieldIndex = result.YieldIndex, Attempt = AttemptsOf(input) });
    }

    private static bool IsRetried(FailureKind kind) => kind is FailureKind.UserException or FailureKind.Timeout or FailureKind.Exited
        or FailureKind.Crashed or FailureKind.StackOverflow or FailureKind.OutOfMemory;

    // Leases that were handed back unbegun are not attempts.
    private static int AttemptsOf(InputState input) => 1 + input.RetriesUsed + input.Losses;

    private void RequeueLost(InputState input, Failure? why)
    {
        input.Losses++;
        if (input.Losses > MaxLosses)
        {
            Complete(input, new CallResult
            {
                Failure = new Failure
                {
                    Kind = FailureKind.Lost,
                    Message = $"The container was lost {input.Losses} times while this input was in it, so it is given up. The last reason was: "
                        + (why is { Message.Length: > 0 } ? why.Message : "the worker's connection broke."),
                    ContainerId = why?.ContainerId ?? "",
                    StderrTail = why?.StderrTail ?? "",
                },
            });
            return;
        }

        input.IsSuspect |= input.Losses >= LossesBeforeSuspicion;
        Enqueue(input, atFront: true);
    }

    // Only for inputs that are out of every queue.
    private void Complete(InputState input, CallResult outcome)
    {
        outcome.Call = input.Call.Number;
        outcome.Index = input.Index;
        outcome.Attempt = AttemptsOf(input);
        input.Finish();
        Deliver(input.Call.Stream, outcome);
    }

    private void Deliver(StreamState stream, CallResult result)
    {
        result.Seq = ++stream.LastSeq;
        stream.RetainedBytes += SizeOf(result);
        stream.Results.Enqueue(result);
        if (stream.IsAttached)
        {
            Send(stream, result);
        }
    }

    private void Send(StreamState stream, CallResult result)
    {
        if (stream.Outgoing is null)
        {
            stream.Outgoing = new CallResults();
            _dirtyStreams.Add(stream);
        }

        stream.Outgoing.Results.Add(result);
    }

    private void Acknowledge(StreamState stream, ulong seq)
    {
        while (stream.Results.TryPeek(out var result) && result.Seq <= seq)
        {
            stream.Results.Dequeue();
            stream.RetainedBytes -= SizeOf(result);
            if (result.OutcomeCase != CallResult.OutcomeOneofCase.Yield && stream.Find(result.Call, result.Index) is { } input)
            {
                stream.Settle(input);
                Abandon(input);
            }
        }
    }

    private void Abandon(InputState input)
    {
        if (input.Container is not null)
        {
            _abandoned[(input.Container, input.Call.Stream.Id, input.Call.Number, input.Index)] = input;
        }
    }

    private InputState? FindHeld(ContainerState container, InputRef name)
    {
        if (_streams.TryGetValue(name.StreamId, out var stream) && stream.Find(name.Call, name.Index) is { } input && input.Container == container)
        {
            return input;
        }

        return FindAbandoned(container, name);
    }

    private InputState? FindAbandoned(ContainerState container, InputRef name) => _abandoned.GetValueOrDefault((container, name.StreamId, name.Call, name.Index));

    private static long SizeOf(CallResult result) => result.OutcomeCase switch
    {
        CallResult.OutcomeOneofCase.Value => result.Value.Inline.Length,
        CallResult.OutcomeOneofCase.Yield => result.Yield.Inline.Length,
        _ => 0,
    };
}
