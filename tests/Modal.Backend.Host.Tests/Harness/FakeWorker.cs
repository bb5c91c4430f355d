using System.Buffers.Binary;
using Google.Protobuf;
using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.Host.Tests.Harness;

/// <summary>A worker without containers: it speaks the worker's protocol and "runs" a square, unless a test holds it.</summary>
internal sealed class FakeWorker : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly AsyncDuplexStreamingCall<WorkerMessage, ServerMessage> _call;
    private readonly SemaphoreSlim _write = new(1);
    private readonly Task _read;
    private TaskCompletionSource _pong = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FakeWorker(CallInvoker invoker)
    {
        _call = new ModalWorker.ModalWorkerClient(invoker).Work(cancellationToken: _stop.Token);
        _read = Messages.ReadAsync(_call.ResponseStream, ReactAsync, _stop.Token);
    }

    /// <summary>Everything the server sent.</summary>
    public Awaiting<ServerMessage> Messages { get; } = new();

    public string WorkerId { get; private set; } = Id.New(Id.Worker);

    /// <summary>Answers a container's start; by default it is ready at once.</summary>
    public Func<StartContainer, WorkerMessage?> OnStart { get; set; } = static start => new WorkerMessage { Ready = new ContainerReady { ContainerId = start.ContainerId } };

    /// <summary>Answers inputs; by default with their squares.</summary>
    public Func<DispatchInputs, IEnumerable<WorkerMessage>> OnDispatch { get; set; } = static d => [SquareAll(d)];

    /// <summary>Whether a container that is told to stop ends.</summary>
    public bool EndsWhenTold { get; set; } = true;

    public static async Task<FakeWorker> ConnectAsync(TestServer server, Action<FakeWorker>? configure = null, RegisterWorker? register = null)
    {
        var worker = new FakeWorker(server.Connect().CreateCallInvoker());
        configure?.Invoke(worker);
        register ??= new RegisterWorker { WorkerId = worker.WorkerId, ProtocolRevision = ProtocolRevision.Current, CpuCores = 4, MemoryMib = 16_384, Sandbox = "fake" };
        worker.WorkerId = register.WorkerId;
        await worker.SendAsync(new WorkerMessage { Register = register });
        await worker.Messages.FirstAsync("WorkerRegistered", m => m.Registered);
        return worker;
    }

    public static int ValueOf(Payload payload) => BinaryPrimitives.ReadInt32LittleEndian(payload.Inline.Span);

    public static Payload PayloadOf(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(bytes), SizeBytes = 4 };
    }

    public static WorkerMessage SquareAll(DispatchInputs dispatch)
    {
        var results = new AttemptResults { ContainerId = dispatch.ContainerId };
        results.Results.AddRange(dispatch.Attempts.Select(Square));
        return new WorkerMessage { Results = results };
    }

    public static AttemptResult Square(Attempt attempt)
    {
        var x = ValueOf(attempt.Arguments);
        return new AttemptResult { Input = attempt.Input, Attempt = attempt.Attempt_, Value = PayloadOf(x * x), RunUs = 5 };
    }

    public async Task SendAsync(WorkerMessage message)
    {
        await _write.WaitAsync();
        try
        {
            await _call.RequestStream.WriteAsync(message);
        }
        finally
        {
            _write.Release();
        }
    }

    /// <summary>Reports, and waits until the server has heard it: output of a container that nobody knows is acknowledged at once.</summary>
    public async Task ReportAsync()
    {
        _pong = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await SendAsync(new WorkerMessage { Output = new Output { ContainerId = "ping", Data = ByteString.CopyFromUtf8(".") } });
        await _pong.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _read;
        _call.Dispose();
        _stop.Dispose();
        _write.Dispose();
    }

    private async Task ReactAsync(ServerMessage message)
    {
        if (message.OutputAck is { ContainerId: "ping" })
        {
            _pong.TrySetResult();
            return;
        }

        IEnumerable<WorkerMessage> answers = message.MessageCase switch
        {
            ServerMessage.MessageOneofCase.Start => OnStart(message.Start) is { } answer ? [answer] : [],
            ServerMessage.MessageOneofCase.Dispatch => OnDispatch(message.Dispatch),
            ServerMessage.MessageOneofCase.Stop when EndsWhenTold =>
                [new WorkerMessage { Exited = new ContainerExited { ContainerId = message.Stop.ContainerId, Reason = ExitReason.Stopped } }],
            _ => [],
        };
        foreach (var answer in answers)
        {
            await SendAsync(answer);
        }
    }
}
