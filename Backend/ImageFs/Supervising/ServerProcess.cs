using System.Collections;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Server;

namespace Modal.Backend.ImageFs.Supervising;

/// <summary>A running server process. Its end of the control socket closes when it dies, however it dies: that is how its end is seen.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly ControlChannel _channel;
    private readonly Descriptor? _process;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<ControlReply>> _calls = new();
    private readonly TaskCompletionSource<int> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastCall;

    private ServerProcess(ControlChannel channel, int processId, ILogger logger)
    {
        (_channel, ProcessId, _logger) = (channel, processId, logger);
        _process = Processes.Open(processId);
    }

    public int ProcessId { get; }

    /// <summary>Ends when the process has; gives its status as wait(2) does, -1 if unknown.</summary>
    public Task<int> Ended => _ended.Task;

    /// <summary>Whether it has ever said anything: then it started well.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>Called when the server says that a connection has ended.</summary>
    public required Action<long> ConnectionEnded { get; init; }

    /// <summary>Starts a server.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static ServerProcess Start(ImageFsOptions options, ILogger logger, Action<long> connectionEnded)
    {
        var command = options.ServerCommand.Count > 0 ? options.ServerCommand : [Path.Combine(AppContext.BaseDirectory, "Modal.Backend.ImageFs")];
        var arguments = new ServerArguments(options.Tier, options.CacheFolder, options.CacheBytes).Write();
        var (ours, theirs) = Socket.Pair();
        using (theirs)
        {
            try
            {
                var processId = Spawn.Start([.. command, .. arguments], MakeEnvironment(), workingDirectory: null, theirs, output: null, error: null);
                var server = new ServerProcess(new ControlChannel(ours), processId, logger) { ConnectionEnded = connectionEnded };
                new Thread(server.Receive) { IsBackground = true, Name = "imagefs server" }.Start();
                return server;
            }
            catch
            {
                ours.Dispose();
                throw;
            }
        }
    }

    /// <summary>Asks something.</summary>
    /// <param name="request">Its id is set here.</param>
    /// <param name="descriptors">Go with it.</param>
    /// <returns>The answer, which is no error.</returns>
    /// <exception cref="ServerException">The server ended meanwhile.</exception>
    /// <exception cref="IOException">The server says that it failed.</exception>
    public async Task<ControlReply> CallAsync(ControlRequest request, params int[] descriptors)
    {
        var call = new TaskCompletionSource<ControlReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = Interlocked.Increment(ref _lastCall);
        _calls[id] = call;
        try
        {
            if (!_channel.Send(request with { Id = id }, ControlJson.Default.ControlRequest, descriptors) || _ended.Task.IsCompleted)
            {
                throw Gone();
            }

            var reply = await call.Task;
            return reply.Error is null ? reply : throw new IOException($"The image file system's server failed: {reply.Error}");
        }
        finally
        {
            _calls.TryRemove(id, out _);
        }
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        if (_process is not null)
        {
            Processes.Signal(_process, Processes.SIGKILL);
        }
    }

    /// <summary>Asks it to end, which it does when it reads the end of the socket.</summary>
    public void Stop() => _channel.EndSending();

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        _process?.Dispose();
    }

    private void Receive()
    {
        try
        {
            var descriptors = new List<Descriptor>();
            while (_channel.Receive(ControlJson.Default.ControlReply, descriptors) is { } reply)
            {
                HasAnswered = true;
                if (reply.Id == 0)
                {
                    ConnectionEnded(reply.EndedConnection);
                }
                else if (_calls.TryRemove(reply.Id, out var call))
                {
                    call.TrySetResult(reply);
                }
            }
        }
        catch (InvalidDataException exception)
        {
            Log.ServerConfused(_logger, exception.Message);
        }

        // At the end of the socket the process is dead or about to be; if it hangs on its way out it must not hold us up.
        Kill();
        var status = Processes.Reap(ProcessId);
        _ended.TrySetResult(status);
        foreach (var call in _calls.Values)
        {
            call.TrySetException(Gone());
        }
    }

    private ServerException Gone() => new($"The image file system's server (process {ProcessId}) ended.");

    private static List<string> MakeEnvironment()
    {
        var environment = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment.Add($"{variable.Key}={variable.Value}");
        }

        // The program finds the same .NET that runs this one, wherever that is.
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is null)
        {
            environment.Add($"DOTNET_ROOT={Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."))}");
        }

        return environment;
    }
}
