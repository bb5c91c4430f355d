using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Modal.Apps;
using Modal.Protocol;
using Modal.Volumes;
using Modal.Secrets;

namespace Modal.Calls;

/// <summary>
/// All calls of one function. Owns a bidirectional gRPC stream and everything unfinished on it; when the connection breaks it opens another, resumes under the
/// same stream id and sends the unfinished inputs again under the same numbers. Sending is done by whichever caller finds nobody sending, so a lone call
/// pays no hop to another thread and many calls share a message.
/// </summary>
internal sealed class FunctionStream : IAsyncDisposable
{
    // Bounds of one message: enough inputs to amortise it, little enough that the first of them is not kept waiting.
    private const int MaxBatch = 256;
    private const int MaxBatchBytes = 1024 * 1024;

    // The server keeps results until they are acknowledged: these bound what it keeps for us.
    private const int AckEvery = 128;
    private const int AckEveryBytes = 1024 * 1024;

    // A stream that the server breaks each time it is opened is a defect there, which reopening does not mend.
    private const int MaxBrokenInARow = 10;
    private static readonly TimeSpan s_reopenPause = TimeSpan.FromMilliseconds(100);

    private readonly AppSession _session;
    private readonly FunctionSpec _function;
    private readonly Func<Image?> _image;
    private readonly Func<IReadOnlyList<Secret>> _secrets;
    private readonly IReadOnlyList<Volume> _volumes;
    private readonly string _streamId = Id.New(Id.Call);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<string> _methods = [];
    private Google.Protobuf.Collections.RepeatedField<string> _serverMethods = [];
    private readonly Dictionary<(ulong Call, ulong Index), PendingInput> _pending = [];
    private readonly System.Collections.Generic.Queue<PendingInput> _unsent = new();
    private readonly System.Collections.Generic.Queue<CallRequest> _control = new();
    private (AppConnection Connection, Task Done)? _known;
    private Task? _run;
    private IClientStreamWriter<CallRequest>? _writer;
    private Task _send = Task.CompletedTask;
    private bool _sending;
    private ulong _lastCall;
    private ulong _lastSeq;
    private int _brokenInARow;
    private int _unacked;
    private long _unackedBytes;
    private Exception? _failed;

    /// <param name="session">The app.</param>
    /// <param name="function">The function, without its image and secrets.</param>
    /// <param name="image">Its image; asked for only if the server does not know the function already.</param>
    /// <param name="secrets">Its secrets; as its image.</param>
    /// <param name="volumes">Its volumes, in the order of those in the function.</param>
    public FunctionStream(AppSession session, FunctionSpec function, Func<Image?> image, Func<IReadOnlyList<Secret>> secrets, IReadOnlyList<Volume> volumes)
    {
        _session = session;
        _function = function;
        _image = image;
        _secrets = secrets;
        Detached = new DetachedInputs(session, this);
        _volumes = volumes;
    }

    /// <summary>Where inputs of detached calls go.</summary>
    public DetachedInputs Detached { get; }

    /// <summary>What the server last said about the function's containers; null before that.</summary>
    public FunctionStats? Stats { get; private set; }

    public string FunctionId => _function.FunctionId;

    /// <summary>Makes the function known to the server without calling it.</summary>
    /// <returns>The connection on which it is known.</returns>
    public async Task<AppConnection> EnsureFunctionAsync(CancellationToken cancellationToken)
    {
        var connection = await _session.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await EnsureFunctionAsync(connection, cancellationToken).ConfigureAwait(false);
        return connection;
    }

    /// <summary>The number by which a method of a deployed function is known here: the server's own is not known before it was asked.</summary>
    public int NumberOf(string method)
    {
        lock (_gate)
        {
            var number = _methods.IndexOf(method);
            if (number < 0)
            {
                number = _methods.Count;
                _methods.Add(method);
            }

            return number;
        }
    }

    /// <summary>The server's number of a method, once the function is known.</summary>
    /// <exception cref="NotFoundException">The deployed version has no such method.</exception>
    public int ServerMethod(int method)
    {
        if (_session.Deployed is null)
        {
            return method;
        }

        lock (_gate)
        {
            var number = _serverMethods.IndexOf(_methods[method]);
            return number >= 0 ? number : throw new NotFoundException($"The deployed app '{_session.Name}' has no function '{_methods[method]}'. It has: {string.Join(", ", _serverMethods.Where(static m => m.Length > 0))}.");
        }
    }

    public ulong NewCall() => Interlocked.Increment(ref _lastCall);

    /// <summary>Takes over an input: it will get its final result, or be abandoned.</summary>
    public void Send(PendingInput input)
    {
        Exception? failed;
        lock (_gate)
        {
            failed = _failed;
            if (failed is null)
            {
                _pending.Add((input.Call, input.Index), input);
                _unsent.Enqueue(input);
                _run ??= Task.Run(RunAsync);
            }
        }

        if (failed is not null)
        {
            input.OnAbandoned(failed);
            return;
        }

        StartSending();
    }

    /// <summary>Cancels every unfinished input of a call. Their results are no longer delivered.</summary>
    public void Cancel(ulong call)
    {
        lock (_gate)
        {
            var cancelled = _pending.Keys.Where(k => k.Call == call).ToArray();
            if (cancelled.Length == 0)
            {
                return;
            }

            foreach (var key in cancelled)
            {
                _pending.Remove(key);
            }

            _control.Enqueue(new CallRequest { Cancel = new CancelInputs { Call = call } });
        }

        StartSending();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Task? run;
        lock (_gate)
        {
            run = _run;
            _failed ??= _session.ExplainStop(new OperationCanceledException());
        }

        await (run ?? Task.CompletedTask).ConfigureAwait(false);
        _stop.Dispose();
    }

    private void StartSending()
    {
        lock (_gate)
        {
            if (_sending || _writer is null)
            {
                return;
            }

            _sending = true;
        }

        _send = SendAllAsync(_writer);
    }

    [SuppressMessage("Design", "CA1031", Justification = "A failed write ends the connection; the reading loop reports why and opens the next one.")]
    private async Task SendAllAsync(IClientStreamWriter<CallRequest> writer)
    {
        try
        {
            while (TryTakeBatch(writer, out var request))
            {
                await writer.WriteAsync(request).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            lock (_gate)
            {
                _sending = false;
                if (_writer == writer)
                {
                    _writer = null;
                }
            }
        }
    }

    private bool TryTakeBatch(IClientStreamWriter<CallRequest> writer, [NotNullWhen(true)] out CallRequest? request)
    {
        lock (_gate)
        {
            request = null;
            if (_writer != writer)
            {
                _sending = false;
                return false;
            }

            if (_unacked >= AckEvery || _unackedBytes >= AckEveryBytes)
            {
                _unacked = 0;
                _unackedBytes = 0;
                request = new CallRequest { Ack = new AckResults { Seq = _lastSeq } };
                return true;
            }

            if (_control.TryDequeue(out request))
            {
                return true;
            }

            var batch = new PutInputs();
            var bytes = 0L;
            while (batch.Inputs.Count < MaxBatch && bytes < MaxBatchBytes && _unsent.TryDequeue(out var input))
            {
                // Cancelled while it waited.
                if (_pending.ContainsKey((input.Call, input.Index)))
                {
                    var message = input.ToMessage();
                    try
                    {
                        message.Method = ServerMethod(message.Method);
                    }
                    catch (NotFoundException e)
                    {
                        _pending.Remove((input.Call, input.Index));
                        input.OnAbandoned(e);
                        continue;
                    }

                    bytes += message.Arguments.Inline.Length;
                    batch.Inputs.Add(message);
                }
            }

            if (batch.Inputs.Count == 0)
            {
                _sending = false;
                return false;
            }

            request = new CallRequest { Inputs = batch };
            return true;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The edge of the client: whatever ends the stream is handed to every waiting caller.")]
    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                AppConnection? connection = null;
                try
                {
                    connection = await _session.ConnectAsync(_stop.Token).ConfigureAwait(false);
                    await EnsureFunctionAsync(connection, _stop.Token).ConfigureAwait(false);
                    await ServeAsync(connection).ConfigureAwait(false);
                    _session.Lost(connection);
                }
                catch (Exception e) when (IsBroken(e) && !_stop.IsCancellationRequested && ++_brokenInARow < MaxBrokenInARow)
                {
                    if (connection is not null)
                    {
                        _session.Lost(connection);
                    }
                }

                if (_session.Deployed is not null && TryRest())
                {
                    return;
                }

                await Task.Delay(s_reopenPause * _brokenInARow, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            var reason = _session.ExplainStop(e);
            Abandon(reason is RpcException rpc ? GrpcErrors.ToException(rpc) : reason);
        }
    }

    // A deployed app needs no connection to live: with nothing to wait for, a server that went away is not looked for (or started again) before the next call.
    private bool TryRest()
    {
        lock (_gate)
        {
            if (_pending.Count > 0)
            {
                return false;
            }

            _run = null;
            _brokenInARow = 0;
            return true;
        }
    }

    // Once per connection, for whoever asks: each call and each detached input does.
    private Task EnsureFunctionAsync(AppConnection connection, CancellationToken cancellationToken)
    {
        Task known;
        lock (_gate)
        {
            if (_known is not { } last || last.Connection != connection || last.Done.IsFaulted || last.Done.IsCanceled)
            {
                _known = last = (connection, Task.Run(() => MakeKnownAsync(connection), CancellationToken.None));
            }

            known = last.Done;
        }

        return known.WaitAsync(cancellationToken);
    }

    private async Task MakeKnownAsync(AppConnection connection)
    {
        if (_session.Deployed is { } app)
        {
            var found = await connection.LookUpAsync(app, _function).ConfigureAwait(false);
            lock (_gate)
            {
                _serverMethods = found.Methods;
            }

            return;
        }

        if (_session.IsInContainer && await connection.KnowsAsync(_function).ConfigureAwait(false))
        {
            return;
        }

        _function.ImageId = await _session.EnsureImageAsync(connection, _image(), CancellationToken.None).ConfigureAwait(false);
        if (_secrets() is { Count: > 0 } secrets)
        {
            var references = await AppSecrets.PutAsync(connection.Secrets, _session.AppId, FunctionId, secrets, CancellationToken.None).ConfigureAwait(false);
            _function.Secrets.Clear();
            _function.Secrets.AddRange(references);
        }

        await VolumeIds.FillAsync(connection, _function, _volumes, CancellationToken.None).ConfigureAwait(false);
        await connection.AddFunctionAsync(_function).ConfigureAwait(false);
    }

    // The connection is shared: whoever notices first that it broke disposes it under the others.
    public static bool IsBroken(Exception e) => e switch
    {
        RpcException rpc => GrpcErrors.IsTransient(rpc),
        _ => e is ObjectDisposedException or InvalidOperationException or IOException or OperationCanceledException,
    };

    private async Task ServeAsync(AppConnection connection)
    {
        using var call = connection.Client.Call(cancellationToken: _stop.Token);
        await call.RequestStream.WriteAsync(
            new CallRequest { Open = new OpenStream { AppId = _session.AppId, FunctionId = _function.FunctionId, StreamId = _streamId, LastSeq = _lastSeq } },
            _stop.Token).ConfigureAwait(false);
        try
        {
            while (await call.ResponseStream.MoveNext(_stop.Token).ConfigureAwait(false))
            {
                OnEvent(call.ResponseStream.Current, call.RequestStream);
            }
        }
        finally
        {
            Task send;
            lock (_gate)
            {
                _writer = null;
                send = _send;
            }

            await send.ConfigureAwait(false);
        }
    }

    private void OnEvent(CallEvent message, IClientStreamWriter<CallRequest> writer)
    {
        switch (message.EventCase)
        {
            case CallEvent.EventOneofCase.Opened:
                Resume(writer, message.Opened.Resumed);
                break;
            case CallEvent.EventOneofCase.Results:
                OnResults(message.Results);
                break;
            case CallEvent.EventOneofCase.Output:
                _session.Console.Write(message.Output);
                break;
            case CallEvent.EventOneofCase.Stats:
                Stats = message.Stats;
                _session.Console.OnStats(_function.FunctionId, message.Stats);
                break;
        }
    }

    // Everything unfinished goes again: the server ignores what it has, so that nothing depends on what was lost on the way.
    private void Resume(IClientStreamWriter<CallRequest> writer, bool resumed)
    {
        lock (_gate)
        {
            if (!resumed)
            {
                _lastSeq = 0;
            }

            _unsent.Clear();
            foreach (var input in _pending.Values.OrderBy(p => p.Call).ThenBy(p => p.Index))
            {
                _unsent.Enqueue(input);
            }

            _writer = writer;
        }

        StartSending();
    }

    private void OnResults(CallResults results)
    {
        bool acknowledge;
        lock (_gate)
        {
            _brokenInARow = 0;
            foreach (var result in results.Results)
            {
                _lastSeq = Math.Max(_lastSeq, result.Seq);
                _unacked++;
                _unackedBytes += (result.Value ?? result.Yield)?.Inline.Length ?? 0;

                // None: a result that came before, or of a cancelled input.
                if (_pending.TryGetValue((result.Call, result.Index), out var input) && input.OnResult(result))
                {
                    _pending.Remove((result.Call, result.Index));
                }
            }

            acknowledge = _unacked >= AckEvery || _unackedBytes >= AckEveryBytes;
        }

        if (acknowledge)
        {
            StartSending();
        }
    }

    private void Abandon(Exception reason)
    {
        PendingInput[] abandoned;
        lock (_gate)
        {
            // A stream that was stopped stays so; one that failed tries again with the next input.
            _failed = _stop.IsCancellationRequested ? reason : null;
            _run = null;
            _brokenInARow = 0;
            _writer = null;
            abandoned = [.. _pending.Values];
            _pending.Clear();
            _unsent.Clear();
        }

        foreach (var input in abandoned)
        {
            input.OnAbandoned(reason);
        }
    }
}
