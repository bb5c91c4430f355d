using System.ComponentModel;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;

namespace Modal.Backend.ImageFs.Supervising;

/// <summary>Keeps a server process running until it is stopped, and asks it things. Safe from many threads.</summary>
internal sealed class ServerKeeper : IAsyncDisposable
{
    // So many servers that end before they answer are no accident: those who wait for one are told.
    private const int MaxBadStarts = 4;

    // Enough to write down what the cache knows.
    private static readonly TimeSpan s_stopTime = TimeSpan.FromSeconds(5);

    private readonly ImageFsOptions _options;
    private readonly IServerUser _user;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private volatile TaskCompletionSource<ServerProcess> _server = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServerKeeper(ImageFsOptions options, IServerUser user, TimeProvider time, ILogger logger)
    {
        (_options, _user, _time, _logger) = (options, user, time, logger);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Asks the server that runs, or the next one if it dies meanwhile.</summary>
    /// <exception cref="IOException">The server says that it failed, or none starts.</exception>
    /// <exception cref="ObjectDisposedException">It was stopped.</exception>
    public async Task<ControlReply> CallAsync(ControlRequest request)
    {
        while (true)
        {
            try
            {
                var server = await _server.Task.WaitAsync(_stopping.Token);
                return await server.CallAsync(request);
            }
            catch (ServerException)
            {
                ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, typeof(ImageFsSupervisor));

                // Until the loop below has seen it too, the dead one is still in its place.
                await Task.Delay(TimeSpan.FromMilliseconds(5), _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(ImageFsSupervisor));
            }
        }
    }

    /// <summary>Ends the server. To be called once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var delay = new RestartDelay();
        var badStarts = 0;
        while (!_stopping.IsCancellationRequested)
        {
            var life = TimeSpan.Zero;
            var hasAnswered = false;
            try
            {
                using var server = ServerProcess.Start(_options, _logger, _user.EndConnection);
                life = await ServeAsync(server);
                hasAnswered = server.HasAnswered;
            }
            catch (Win32Exception exception)
            {
                Log.ServerNotStarted(_logger, exception.Message);
            }

            badStarts = hasAnswered ? 0 : badStarts + 1;
            Renew(badStarts >= MaxBadStarts && !_stopping.IsCancellationRequested);
            await Task.Delay(delay.Next(life), _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Calls wait for the next server, unless it is not likely that there will be one.
    private void Renew(bool isHopeless)
    {
        var next = new TaskCompletionSource<ServerProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = _server;
        if (isHopeless)
        {
            var reason = new IOException("The image file system's server does not start; its error output says why.");
            next.SetException(reason);
            waiting.TrySetException(reason);
            _user.GiveUp(reason);
        }

        _server = next;
    }

    // Returns how long it served.
    private async Task<TimeSpan> ServeAsync(ServerProcess server)
    {
        // First the connections, then the calls that are about them.
        var takingOver = _user.TakeOver(server);
        if (!_server.TrySetResult(server))
        {
            _server = new TaskCompletionSource<ServerProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
            _server.SetResult(server);
        }

        var tookOver = takingOver.ContinueWith(_ => _time.GetTimestamp(), TaskScheduler.Default);
        var watching = WatchAsync(server);
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (_stopping.Token.UnsafeRegister(static s => ((TaskCompletionSource)s!).TrySetResult(), stop))
        {
            await Task.WhenAny(server.Ended, stop.Task);
        }

        if (stop.Task.IsCompleted)
        {
            server.Stop();
            if (await Task.WhenAny(server.Ended, Task.Delay(s_stopTime, _time)) != server.Ended)
            {
                server.Kill();
            }
        }

        var status = await server.Ended;
        var life = _time.GetElapsedTime(await tookOver);
        await takingOver;
        await watching;
        if (!stop.Task.IsCompleted)
        {
            Log.ServerEnded(_logger, server.ProcessId, status < 0 ? "unknown" : (status & 0x7F) != 0 ? $"signal {status & 0x7F}" : $"exit code {status >> 8}");
        }

        return life;
    }

    // A server that does not answer is as good as dead, only that nobody notices.
    private async Task WatchAsync(ServerProcess server)
    {
        while (!server.Ended.IsCompleted)
        {
            try
            {
                await server.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.Ping }).WaitAsync(_options.ServerTimeout, _time);
            }
            catch (ServerException)
            {
                return;
            }
            catch (TimeoutException)
            {
                Log.ServerHangs(_logger, server.ProcessId, _options.ServerTimeout);
                server.Kill();
            }

            await Task.WhenAny(server.Ended, Task.Delay(_options.ServerTimeout / 3, _time));
        }
    }
}
