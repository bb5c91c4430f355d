using System.Diagnostics;
using System.Runtime.InteropServices;
using Modal.Backend.Runner.Channel;
using Modal.Backend.Runner.Execution;
using Modal.Backend.Runner.Failures;
using Modal.Backend.Runner.Loading;
using Modal.Backend.Runner.Native;
using Modal.Backend.Runner.Output;
using Modal.Backend.Runner.Snapshots;
using Modal.Backend.Runner.Tunnels;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner;

/// <summary>The program in the sandbox: loads one function, runs its inputs, ends when told or when the worker is gone.</summary>
internal sealed class RunnerProcess : IDisposable
{
    // Time that cancelled code has to end before [Exit] runs all the same.
    private static readonly TimeSpan s_afterCancel = TimeSpan.FromSeconds(1);

    // As the main thread of a program has; user code runs on these threads.
    private const int StackBytes = 8 * 1024 * 1024;

    private readonly FrameReader _reader;
    private readonly Outgoing _outgoing;
    private readonly OutputWindow _window;
    private readonly ReadingRole _reading;
    private readonly ServerTunnels _tunnels;
    private readonly VolumeRequests _volumes;
    private Executor? _executor;
    private Watch? _watch;
    private RunnerStart? _start;
    private LoadedFunction? _function;
    private int _stopping;

    public RunnerProcess(int channel)
    {
        _reader = new FrameReader(channel);
        _outgoing = new Outgoing(channel, static () => Unistd.ExitNow(1));
        _reading = new ReadingRole(ReadOne);
        _window = new OutputWindow(_outgoing, _reading.HandOver);
        _tunnels = new ServerTunnels(_outgoing, _reading.HandOver);
        Runtime.VolumeActions.Current = _volumes = new VolumeRequests(_outgoing, _reading.HandOver);
    }

    /// <summary>Serves until the process ends; returns when the worker is gone.</summary>
    public void Run()
    {
        Console.SetOut(new AttemptWriter(OutputSource.Stdout, _window, _outgoing, WakeWatch));
        Console.SetError(new AttemptWriter(OutputSource.Stderr, _window, _outgoing, WakeWatch));
        AppDomain.CurrentDomain.UnhandledException += (_, _) => _outgoing.FlushAtExit(s_afterCancel);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => ReportExit();
        SendHello();

        Thread[] readers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(_reading.Run, StackBytes) { IsBackground = true, Name = "inputs" })];
        foreach (var thread in readers)
        {
            thread.Start();
        }

        _reading.Open();
        foreach (var thread in readers)
        {
            thread.Join();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reading.Dispose();
        _watch?.Dispose();
    }

    private bool ReadOne()
    {
        switch (_reader.Read())
        {
            case null:
                // The worker is gone: nobody wants results, and code that blocks must not keep the sandbox alive.
                Unistd.ExitNow(1);
                return false;
            case { Start: { } start }:
                Begin(() => Start(start));
                break;
            case { WarmUp: { } warmUp }:
                Begin(() => WarmUpAndAnswer(warmUp.ForSnapshot));
                break;
            case { Resume: { } resume }:
                Begin(() => Resume(resume));
                break;
            case { Inputs: { } inputs }:
                Accept(inputs);
                break;
            case { Cancel: { } cancel }:
                _executor?.Cancel(cancel.Ids);
                break;
            case { OutputAck: { } ack }:
                _window.Acknowledge(ack.Bytes);
                break;
            case { Tunnel: { } tunnel }:
                _tunnels.OnFrame(tunnel);
                break;
            case { VolumeReply: { } reply }:
                _volumes.OnReply(reply);
                break;
            case { Stop: { } stop } when Interlocked.Exchange(ref _stopping, 1) == 0:
                new Thread(() => Stop(TimeSpan.FromMilliseconds(stop.GraceMs)), StackBytes) { IsBackground = true, Name = "stop" }.Start();
                break;
        }

        return true;
    }

    // [Enter] may take minutes: a stop, or the end of the worker, must be noticed meanwhile. And a thread of its own leaves nothing of itself in a snapshot.
    private static void Begin(Action start) => new Thread(() => start(), StackBytes) { IsBackground = true, Name = "start" }.Start();

    private void Start(RunnerStart start)
    {
        var clock = Stopwatch.StartNew();
        _start = start;
        SetContext(start.ContainerId, start.AppId);
        _function = CodeLoader.Load(start, out var failure);
        var loaded = clock.Elapsed;
        var hooks = _function?.Service?.Enter ?? [];
        failure ??= RunHooks(hooks.Where(static hook => hook.Snapshot), "[Enter]");
        if (failure is not null || !start.Snapshot)
        {
            Finish(failure, loaded, clock);
            return;
        }

        var entered = clock.Elapsed - loaded;
        _tunnels.Suspend();
        SnapshotPreparation.Run();
        Send(new RunnerFrame { SnapshotReady = new RunnerSnapshotReady { LoadUs = (long)loaded.TotalMicroseconds, EnterUs = (long)entered.TotalMicroseconds } });
    }

    private void SetContext(string containerId, string appId)
    {
        _tunnels.BeginContainer(containerId);
        ContainerContext.Current = new ContainerContext
        {
            ContainerId = containerId,
            AppId = appId,
            FunctionName = _start!.Function.Name,
            NeedsAspNetCore = _start.Function.NeedsAspnetcore,
            Connect = _start.Function.RestrictModalAccess ? null : token => _tunnels.ConnectAsync(containerId, token),
        };
    }

    private void WarmUpAndAnswer(bool forSnapshot)
    {
        WarmUp.Run();
        if (forSnapshot)
        {
            SnapshotPreparation.Run();
        }

        SendHello();
    }

    private void Resume(RunnerResume resume)
    {
        if (resume.Restored)
        {
            _window.Renew();
            Freshness.Renew();

            // The worker learns that the copy is alive before user code runs in it.
            SendHello();
        }

        if (resume.OnlyRenew)
        {
            return;
        }

        CodeLoader.SetEnvironment(resume.Environment);
        if (resume.Restored)
        {
            SetContext(resume.ContainerId, resume.AppId);
        }

        _tunnels.Resume();
        Finish(failure: null, TimeSpan.Zero, Stopwatch.StartNew());
    }

    private void Finish(Failure? failure, TimeSpan loaded, Stopwatch clock)
    {
        failure ??= RunHooks(_function!.Service?.Enter.Where(static hook => !hook.Snapshot), "[Enter]");
        var ready = new RunnerReady { Failure = failure, LoadUs = (long)loaded.TotalMicroseconds, EnterUs = (long)(clock.Elapsed - loaded).TotalMicroseconds };
        if (failure is null)
        {
            _executor = new Executor(_function!, _start!.Function.MaxConcurrentInputs, _outgoing);
            _watch = new Watch(_executor, _outgoing, _reading);
            new Thread(_watch.Run) { IsBackground = true, Name = "watch" }.Start();
        }

        Send(new RunnerFrame { Ready = ready });
        if (failure is not null)
        {
            Unistd.ExitNow(1);
        }
    }

    private void Accept(RunnerInputs inputs)
    {
        var executor = _executor ?? throw new InvalidOperationException("Inputs came before the start.");
        _watch!.Wake();
        executor.Enqueue(inputs.Inputs);
        if (executor.Concurrency == 1)
        {
            _reading.RunInline(executor.Drain);
        }
    }

    private void Stop(TimeSpan grace)
    {
        // Without an executor [Enter] has not ended, and what it did not begin [Exit] cannot end.
        if (_executor is { } executor)
        {
            executor.StopAsync(grace, s_afterCancel).GetAwaiter().GetResult();
            if (RunHooks(_function?.Service?.Exit, "[Exit]") is { } failure)
            {
                Console.Error.WriteLine(failure.Message + "\n" + failure.Exception.Stack);
            }
        }

        Environment.Exit(0);
    }

    private Failure? RunHooks(IEnumerable<LifecycleHook>? hooks, string kind)
    {
        foreach (var hook in hooks ?? [])
        {
            try
            {
                hook.Invoke(_function!.Instance!, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            }
#pragma warning disable CA1031 // The edge between user code and the worker: whatever a hook throws becomes the start's failure, or a line of output at the end.
            catch (Exception e)
            {
                return FailureFactory.OfStart($"{kind} {hook.Name}", e);
            }
#pragma warning restore CA1031
        }

        return null;
    }

    private void ReportExit()
    {
        _window.Close();
        _outgoing.Append(new RunnerFrame { Exiting = new RunnerExiting { ExitCode = Environment.ExitCode } });
        _outgoing.FlushAtExit(s_afterCancel);
    }

    private void SendHello() => Send(new RunnerFrame { Hello = new RunnerHello { Pid = Environment.ProcessId, Runtime = RuntimeInformation.FrameworkDescription } });

    private void Send(RunnerFrame frame)
    {
        _outgoing.Append(frame);
        _outgoing.FlushNow();
    }

    private void WakeWatch() => _watch?.Wake();
}
