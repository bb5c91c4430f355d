using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Serving;
using Modal.Backend.ImageFs.Supervising;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.ImageFs;

/// <summary>
/// Mounts images and keeps the mounts alive: it holds their descriptors, and a server process (<c>Modal.Backend.ImageFs</c>) answers the kernel. When that process dies, another gets the
/// descriptors and goes on; readers wait a little and see nothing. Several mounts of one image share one connection, and with it the kernel's cache.
/// Safe from many threads. One supervisor for each state folder.
/// </summary>
public sealed class ImageFsSupervisor : IAsyncDisposable
{
    // So many servers that end before they answer are no accident: those who wait for one are told.
    private const int MaxBadStarts = 4;

    // Enough to write down what the cache knows.
    private static readonly TimeSpan s_stopTime = TimeSpan.FromSeconds(5);

    private readonly ImageFsOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly FileStream _folderLock;
    private readonly string _source;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Connection> _connections = [];
    private readonly Dictionary<(Digest Image, bool Passthrough), Connection> _shared = [];
    private readonly SemaphoreSlim _mounting = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private TaskCompletionSource<ServerProcess> _server = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastNumber;

    private ImageFsSupervisor(ImageFsOptions options, FileStream folderLock, ILogger logger, TimeProvider time)
    {
        (_options, _folderLock, _logger, _time) = (options, folderLock, logger, time);
        _source = SourceOf(options.StateFolder);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Takes the state folder, removes mounts that were left in it, and starts the server.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="logger">Where failures go.</param>
    /// <param name="time">For delays and timeouts.</param>
    /// <exception cref="ArgumentException">The options are wrong; the message has every fault.</exception>
    /// <exception cref="IOException">Another supervisor uses the state folder.</exception>
    public static ImageFsSupervisor Start(ImageFsOptions options, ILogger logger, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentNullException.ThrowIfNull(time);
        options.Validate();
        Directory.CreateDirectory(options.StateFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        FileStream folderLock;
        try
        {
            folderLock = new FileStream(Path.Combine(options.StateFolder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new IOException($"The folder {options.StateFolder} is used by another process that mounts images; give each its own {nameof(ImageFsOptions.StateFolder)}.", exception);
        }

        RemoveStaleMounts(options.StateFolder, logger);
        return new ImageFsSupervisor(options, folderLock, logger, time);
    }

    /// <summary>Mounts an image whose files are read through the kernel's cache.</summary>
    /// <param name="indexPath">Its index, which may be removed afterwards.</param>
    /// <param name="imageId">Its id.</param>
    /// <param name="mountPoint">A folder; made if it is not there.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">It cannot be mounted; the message says why.</exception>
    public Task<IImageMount> MountAsync(string indexPath, Digest imageId, string mountPoint, CancellationToken cancellationToken) =>
        MountAsync(indexPath, imageId, mountPoint, passthrough: false, cancellationToken);

    /// <summary>Mounts an image.</summary>
    /// <param name="indexPath">Its index, which may be removed afterwards.</param>
    /// <param name="imageId">Its id.</param>
    /// <param name="mountPoint">A folder; made if it is not there.</param>
    /// <param name="passthrough">
    /// True for a few large files, such as models: those that are here as a whole are read by the kernel from the local cache without this process, where the kernel can (6.9), and pages are
    /// in memory once. The price is a request for each open(2). False for everything else.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">It cannot be mounted; the message says why.</exception>
    public async Task<IImageMount> MountAsync(string indexPath, Digest imageId, string mountPoint, bool passthrough, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(indexPath);
        ArgumentException.ThrowIfNullOrEmpty(mountPoint);
        ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
        var path = Path.GetFullPath(mountPoint);
        Connection connection;
        await _mounting.WaitAsync(cancellationToken);
        try
        {
            connection = Share(imageId, passthrough) ?? Connect(indexPath, imageId, passthrough);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new IOException(exception.Message, exception);
        }
        finally
        {
            _mounting.Release();
        }

        var traceId = Interlocked.Increment(ref _lastNumber);
        try
        {
            await connection.Attached.WaitAsync(cancellationToken);
            await StartTraceAsync(connection, traceId);
            Directory.CreateDirectory(path);
            Mounting.Mount(connection.BasePath, path, null, Mounting.MS_BIND, null);
            return new ImageMount(this, connection, path, traceId);
        }
        catch (Exception exception)
        {
            await ReleaseAsync(connection, traceId);
            if (exception is System.ComponentModel.Win32Exception)
            {
                throw new IOException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>Counters of the server that runs now.</summary>
    /// <exception cref="IOException">It does not answer.</exception>
    public async Task<ServerStats> GetStatsAsync(CancellationToken cancellationToken) =>
        (await CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.Stats }).WaitAsync(cancellationToken)).Stats!;

    /// <summary>Unmounts everything and ends the server. What is still in use then fails with I/O errors.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        // First the mounts, so that the server sees connections end that nobody uses.
        RemoveStaleMounts(_options.StateFolder, _logger);
        await _stopping.CancelAsync();
        await _running;
        lock (_lock)
        {
            foreach (var connection in _connections.Values)
            {
                connection.Fail(new ObjectDisposedException(nameof(ImageFsSupervisor)));
                connection.Dispose();
            }

            _connections.Clear();
            _shared.Clear();
        }

        await _folderLock.DisposeAsync();
        _stopping.Dispose();
        _mounting.Dispose();
    }

    internal async Task<AccessTrace> StopTraceAsync(Connection connection, long traceId)
    {
        lock (_lock)
        {
            if (!connection.Traces.Remove(traceId))
            {
                throw new InvalidOperationException("The recording of this mount was ended before.");
            }
        }

        var reply = await CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StopTrace, Connection = connection.Number, TraceId = traceId });
        return reply.Trace is { } trace ? AccessTrace.Parse(trace) : new AccessTrace(connection.ImageId, []);
    }

    internal Task PrefetchAsync(Connection connection, AccessTrace trace) =>
        CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.Prefetch, Connection = connection.Number, Trace = trace.Write() });

    internal async Task UnmountAsync(Connection connection, string path, long traceId)
    {
        if (!_stopping.IsCancellationRequested)
        {
            Mounting.TryDetach(path);
            await ReleaseAsync(connection, traceId);
        }
    }

    private static string SourceOf(string stateFolder) => $"modal:{Path.GetFullPath(stateFolder)}";

    private static void RemoveStaleMounts(string stateFolder, ILogger logger)
    {
        var source = SourceOf(stateFolder);
        foreach (var entry in MountTable.Read().Reverse().Where(e => e.Type == FuseMounting.Type && e.Source == source))
        {
            if (Mounting.TryDetach(entry.Path))
            {
                Log.MountRemoved(logger, entry.Path);
            }
        }

        var mounts = Path.Combine(stateFolder, "mounts");
        foreach (var folder in Directory.Exists(mounts) ? Directory.GetDirectories(mounts) : [])
        {
            TryDeleteFolder(folder);
        }
    }

    private Connection? Share(Digest imageId, bool passthrough)
    {
        lock (_lock)
        {
            if (!_shared.TryGetValue((imageId, passthrough), out var connection) || connection.Attached.IsFaulted)
            {
                return null;
            }

            connection.Users++;
            return connection;
        }
    }

    private Connection Connect(string indexPath, Digest imageId, bool passthrough)
    {
        var number = Interlocked.Increment(ref _lastNumber);
        var basePath = Path.Combine(_options.StateFolder, "mounts", $"{number}");
        var descriptors = new List<Descriptor>();
        try
        {
            descriptors.Add(Fcntl.Open(indexPath, Fcntl.O_RDONLY));
            descriptors.Add(Memfd.Create("modal-mount", MountState.GetLength(passthrough ? CountNodes(indexPath) : 0)));
            var device = FuseDevice.Open();
            descriptors.Add(device);
            Directory.CreateDirectory(basePath);
            FuseMounting.Mount(device, basePath, _source);
            for (var i = 1; i < _options.ThreadsPerMount; i++)
            {
                descriptors.Add(FuseDevice.Clone(device));
            }
        }
        catch
        {
            Mounting.TryDetach(basePath);
            descriptors.ForEach(d => d.Dispose());
            throw;
        }

        var connection = new Connection { Number = number, ImageId = imageId, Passthrough = passthrough, BasePath = basePath, Descriptors = descriptors, Users = 1 };
        lock (_lock)
        {
            _connections.Add(number, connection);
            _shared[(imageId, passthrough)] = connection;
            if (_server.Task is { IsCompletedSuccessfully: true, Result: var server })
            {
                _ = AttachAsync(server, connection);
            }
        }

        return connection;
    }

    private static int CountNodes(string indexPath)
    {
        try
        {
            using var index = ImageIndex.Open(indexPath);
            return index.NodeCount;
        }
        catch (InvalidDataException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    // Gives a server a connection. That the server dies meanwhile is no failure of the connection: the next one gets it too.
    private async Task AttachAsync(ServerProcess server, Connection connection)
    {
        try
        {
            long[] traces;
            Task<ControlReply> call;
            lock (_lock)
            {
                if (connection.Descriptors.Any(d => d.IsClosed))
                {
                    return;
                }

                traces = [.. connection.Traces];
                call = server.CallAsync(
                    new ControlRequest { Id = 0, Command = ControlCommand.Mount, Connection = connection.Number, ImageId = connection.ImageId.ToString(), Passthrough = connection.Passthrough },
                    [.. connection.Descriptors.Select(d => d.Number)]);
            }

            await call;
            foreach (var trace in traces)
            {
                await server.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StartTrace, Connection = connection.Number, TraceId = trace });
            }

            if (!connection.Attached.IsCompleted
                && !MountTable.TrySetReadAhead(connection.BasePath, connection.Passthrough ? _options.PassthroughReadAheadKiB : _options.ReadAheadKiB))
            {
                Log.NoReadAhead(_logger, connection.BasePath);
            }

            connection.SetAttached();
        }
        catch (ServerException)
        {
        }
        catch (IOException exception)
        {
            // The server refuses it: its readers get errors rather than wait for ever.
            Log.ConnectionLost(_logger, connection.ImageId, exception.Message);
            connection.Fail(exception);
            EndConnection(connection.Number);
        }
    }

    private async Task StartTraceAsync(Connection connection, long traceId)
    {
        lock (_lock)
        {
            connection.Traces.Add(traceId);
        }

        await CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StartTrace, Connection = connection.Number, TraceId = traceId });
    }

    private async Task ReleaseAsync(Connection connection, long traceId)
    {
        bool isTracing;
        lock (_lock)
        {
            isTracing = connection.Traces.Remove(traceId);
            if (--connection.Users == 0)
            {
                if (_shared.GetValueOrDefault((connection.ImageId, connection.Passthrough)) == connection)
                {
                    _shared.Remove((connection.ImageId, connection.Passthrough));
                }

                // The kernel ends the connection when nobody uses it any more; then the server says so.
                Mounting.TryDetach(connection.BasePath);
                TryDeleteFolder(connection.BasePath);
                return;
            }
        }

        if (isTracing)
        {
            try
            {
                await CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StopTrace, Connection = connection.Number, TraceId = traceId });
            }
            catch (IOException)
            {
                // The connection is gone, and the recording with it.
            }
        }
    }

    private void EndConnection(long number)
    {
        lock (_lock)
        {
            if (_connections.Remove(number, out var connection))
            {
                if (_shared.GetValueOrDefault((connection.ImageId, connection.Passthrough)) == connection)
                {
                    _shared.Remove((connection.ImageId, connection.Passthrough));
                }

                connection.Fail(new IOException("The kernel ended the mount."));
                connection.Dispose();
            }
        }
    }

    private static void TryDeleteFolder(string path)
    {
        try
        {
            Directory.Delete(path);
        }
        catch (IOException)
        {
            // Not empty means that it is still mounted; the next start removes it.
        }
    }

    // Asks the server that runs, or the next one if it dies meanwhile.
    private async Task<ControlReply> CallAsync(ControlRequest request)
    {
        while (true)
        {
            Task<ServerProcess> server;
            lock (_lock)
            {
                server = _server.Task;
            }

            try
            {
                return await (await server.WaitAsync(_stopping.Token)).CallAsync(request);
            }
            catch (ServerException)
            {
                ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
                await Task.Yield();
            }
        }
    }

    // Keeps a server running until the supervisor stops.
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
                using var server = ServerProcess.Start(_options, _logger, EndConnection);
                life = await ServeAsync(server);
                hasAnswered = server.HasAnswered;
            }
            catch (System.ComponentModel.Win32Exception exception)
            {
                Log.ServerNotStarted(_logger, exception.Message);
            }

            badStarts = hasAnswered ? 0 : badStarts + 1;
            Renew(badStarts >= MaxBadStarts && !_stopping.IsCancellationRequested ? new IOException("The image file system's server does not start; its error output says why.") : null);
            await Task.Delay(delay.Next(life), _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Calls wait for the next server, unless there is a reason that they should not.
    private void Renew(IOException? obstacle)
    {
        lock (_lock)
        {
            var waiting = _server;
            _server = new TaskCompletionSource<ServerProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (obstacle is not null)
            {
                _server.SetException(obstacle);
                waiting.TrySetException(obstacle);
                foreach (var connection in _connections.Values.Where(c => !c.Attached.IsCompleted))
                {
                    connection.Fail(obstacle);
                }
            }
        }
    }

    // Returns how long it served.
    private async Task<TimeSpan> ServeAsync(ServerProcess server)
    {
        Connection[] connections;
        lock (_lock)
        {
            connections = [.. _connections.Values];

            // From here on Connect attaches new ones itself.
            if (_server.Task.IsFaulted)
            {
                _server = new TaskCompletionSource<ServerProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            _server.TrySetResult(server);
        }

        var attaching = Task.WhenAll(connections.Select(c => AttachAsync(server, c)));
        var attached = attaching.ContinueWith(_ => _time.GetTimestamp(), TaskScheduler.Default);
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
        await attaching;
        var life = _time.GetElapsedTime(await attached);
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
