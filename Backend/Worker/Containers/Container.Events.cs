using System.Security.Cryptography;
using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <content>What the sandbox sends and prints.</content>
internal sealed partial class Container
{
    public void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (source == OutputSource.Stderr)
            {
                _stderr.Add(bytes);
            }

            // With one input at a time, what native code and child processes print belongs to the one that has begun, or is about to.
            var writer = _start.Function is { MaxConcurrentInputs: <= 1, BatchMaxSize: 0 } ? _held.Values.OrderByDescending(h => h.Began != 0).ThenBy(h => h.Id).FirstOrDefault()?.Input : null;
            _output.Send(source, ByteString.CopyFrom(bytes), writer, managed: false);
            if (!_output.WantsPipes)
            {
                _sandbox?.ReadPipes(false);
            }
        }
    }

    public void OnFrame(RunnerFrame frame)
    {
        lock (_gate)
        {
            _lastHeard = _services.Time.GetTimestamp();
            switch (frame.FrameCase)
            {
                case RunnerFrame.FrameOneofCase.Hello:
                    OnHello();
                    break;
                case RunnerFrame.FrameOneofCase.SnapshotReady:
                    OnSnapshotReady(frame.SnapshotReady);
                    break;
                case RunnerFrame.FrameOneofCase.Ready:
                    OnReady(frame.Ready);
                    break;
                case RunnerFrame.FrameOneofCase.Results:
                    OnResults(frame.Results);
                    break;
                case RunnerFrame.FrameOneofCase.Output:
                    var bytes = frame.Output.Data;
                    if (frame.Output.Source == OutputSource.Stderr)
                    {
                        _stderr.Add(bytes.Span);
                    }

                    _output.Send(frame.Output.Source == OutputSource.Stderr ? OutputSource.Stderr : OutputSource.Stdout, bytes, _held.GetValueOrDefault(frame.Output.Id)?.Input, managed: true);
                    break;
                case RunnerFrame.FrameOneofCase.Returned:
                    OnReturned(frame.Returned);
                    break;
                case RunnerFrame.FrameOneofCase.Volume:
                    Track(OnVolumeAsync(frame.Volume));
                    break;
                case RunnerFrame.FrameOneofCase.Exiting:
                    _announcedExitCode = frame.Exiting.ExitCode;
                    break;
                case RunnerFrame.FrameOneofCase.Tunnel when _tunnels.OnFrame(frame.Tunnel) is { } violation:
                    EndFor(violation);
                    break;
            }

            if (_outbox.IsFull && !_framesHeld && _sandbox is not null)
            {
                _framesHeld = true;
                _sandbox.ReadFrames(false);
            }
        }
    }

    private void EndFor(string violation)
    {
        Log.ContainerViolates(_services.Logger, Id, violation);
        _failure ??= new Failure { Kind = FailureKind.Crashed, Message = $"The container was ended because its process sent what no runner sends: {violation}." };
        _sandbox?.Kill();
    }

    private void OnReady(RunnerReady ready)
    {
        if (_isReady)
        {
            return;
        }

        if (ready.LoadUs > 0)
        {
            _timeline.End("load", TimeSpan.FromMicroseconds(ready.LoadUs), "enter");
        }
        else
        {
            _timeline.End("enter");
        }

        if (ready.Failure is { } failure)
        {
            failure.Kind = FailureKind.Startup;
            _failure = failure;
            return;
        }

        _isReady = true;
        _image?.OnReady();
        if (_start.Function.Resources is { CpuLimitCores: > 0 } limited && _sandbox?.LimitCpu(limited.CpuLimitCores) == false)
        {
            Log.CpuNotLimited(_services.Logger, Id, limited.CpuLimitCores);
        }

        Log.ContainerReady(_services.Logger, Id, _start.Function.Name, _timeline.ToString());
        var message = new ContainerReady { ContainerId = Id, Start = _kind, FallbackReason = _fallbackReason };
        message.Phases.AddRange(_timeline.Phases);
        _outbox.Post(new WorkerMessage { Ready = message });
        _started.TrySetResult();
    }

    private void OnResults(RunnerResults results)
    {
        var outgoing = new AttemptResults { ContainerId = Id };
        // One time for all: the inputs of a batch begin together and must run out of time together.
        var now = _services.Time.GetTimestamp();
        foreach (var result in results.Results)
        {
            if (!_held.TryGetValue(result.Id, out var held))
            {
                continue;
            }

            if (result.OutcomeCase != RunnerResult.OutcomeOneofCase.Started)
            {
                _image?.OnOutcome();
            }

            switch (result.OutcomeCase)
            {
                case RunnerResult.OutcomeOneofCase.Started:
                    held.Began = now;
                    break;
                case RunnerResult.OutcomeOneofCase.Yield:
                    Add(outgoing, held, result, result.Yield, static (r, p) => r.Yield = p);
                    break;
                case RunnerResult.OutcomeOneofCase.Value when !held.TimedOut:
                    _held.Remove(held.Id);
                    Add(outgoing, held, result, result.Value, static (r, p) => r.Value = p);
                    break;
                default:
                    _held.Remove(held.Id);
                    var outcome = Outcome(held, result);
                    if (held.TimedOut)
                    {
                        outcome.Failure = TimedOut();
                    }
                    else if (result.Failure is { } failure)
                    {
                        failure.ContainerId = Id;
                        outcome.Failure = failure;
                    }
                    else
                    {
                        outcome.Done = true;
                    }

                    outgoing.Results.Add(outcome);
                    break;
            }
        }

        if (outgoing.Results.Count > 0)
        {
            _outbox.Post(new WorkerMessage { Results = outgoing });
        }
    }

    private void Add(AttemptResults outgoing, HeldInput held, RunnerResult result, ByteString bytes, Action<AttemptResult, Payload> set)
    {
        var outcome = Outcome(held, result);
        if (bytes.Length <= MaxInlineBytes)
        {
            set(outcome, new Payload { Format = PayloadFormat.Messagepack, Inline = bytes, SizeBytes = bytes.Length });
            outgoing.Results.Add(outcome);
            return;
        }

        Track(StoreAsync(outcome, bytes, set));
    }

    // Large results go to the store first; the server gets their digest.
    private async Task StoreAsync(AttemptResult outcome, ByteString bytes, Action<AttemptResult, Payload> set)
    {
        await Task.Yield();
        try
        {
            var digest = Convert.ToHexStringLower(SHA256.HashData(bytes.Span));
            await _services.Blobs.WriteAsync(digest, bytes.Memory, CancellationToken.None);
            set(outcome, new Payload { Format = PayloadFormat.Messagepack, BlobDigest = digest, SizeBytes = bytes.Length });
        }
        catch (Exception e) when (e is IOException or Grpc.Core.RpcException)
        {
            outcome.Failure = new Failure { Kind = FailureKind.Internal, ContainerId = Id, Message = $"The result of {bytes.Length} bytes could not be stored: {e.Message}" };
        }

        _outbox.Post(new WorkerMessage { Results = new AttemptResults { ContainerId = Id, Results = { outcome } } });
    }

    private static AttemptResult Outcome(HeldInput held, RunnerResult result) =>
        new() { Input = held.Input, Attempt = held.Number, RunUs = result.RunUs, YieldIndex = result.YieldIndex };

    private async Task OnVolumeAsync(RunnerVolumeRequest request)
    {
        await Task.Yield();
        var problem = _volumes is null ? "The container has no volumes." : await _volumes.DoAsync(request, _abort.Token);
        _sandbox?.Send(new WorkerFrame { VolumeReply = new RunnerVolumeReply { Id = request.Id, Problem = problem } });
    }

    // Of a commit that nobody waits for.
    private void OnVolumeProblem(string problem)
    {
        lock (_gate)
        {
            _output.Send(OutputSource.System, ByteString.CopyFromUtf8(problem + "\n"), null, managed: false);
        }
    }

    private void OnReturned(RunnerReturned returned)
    {
        var message = new ReturnedInputs { ContainerId = Id };
        foreach (var id in returned.Ids)
        {
            if (_held.Remove(id, out var held))
            {
                message.Inputs.Add(held.Input);
            }
        }

        if (message.Inputs.Count > 0)
        {
            _outbox.Post(new WorkerMessage { Returned = message });
        }
    }

    private void Report(HeldInput held, AttemptResult result)
    {
        if (_held.Remove(held.Id))
        {
            (result.Input, result.Attempt) = (held.Input, held.Number);
            _outbox.Post(new WorkerMessage { Results = new AttemptResults { ContainerId = Id, Results = { result } } });
        }
    }
}
