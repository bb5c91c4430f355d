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
/// descriptors and goes on; readers wait a little and see nothing. Several mounts of one index share one connection, and with it the kernel's cache.
/// Safe from many threads. One supervisor for each state folder.
/// </summary>
public sealed class ImageFsSupervisor : IServerUser, IAsyncDisposable
{
    private static readonly TimeSpan s_forgetTime = TimeSpan.FromSeconds(5);

    private readonly ImageFsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StateFolder _folder;
    private readonly ServerKeeper _servers;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Connection> _connections = [];
    private readonly Dictionary<(string IndexPath, bool Passthrough), Connection> _shared = [];
    private readonly SemaphoreSlim _mounting = new(1);
    private ServerProcess? _server;
    private long _lastNumber;
    private bool _isDisposed;

    private ImageFsSupervisor(ImageFsOptions options, StateFolder folder, ILogger logger, TimeProvider time)
    {
        (_options, _folder, _logger, _time) = (options, folder, logger, time);
        _servers = new ServerKeeper(options, this, time, logger);
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
        var folder = new StateFolder(options.StateFolder);
        folder.RemoveMounts(logger);
        return new ImageFsSupervisor(options, folder, logger, time);
    }

    /// <summary>Takes away the mounts that a killed supervisor left, wherever they are. <see cref="Start"/> does the same: this is for one who starts none yet.</summary>
    /// <param name="stateFolder">Its state folder, which no supervisor has now.</param>
    /// <param name="logger">Told of each.</param>
    public static void RemoveMounts(string stateFolder, ILogger logger) => StateFolder.RemoveMounts(stateFolder, logger);

    /// <summary>Mounts an image whose files are read through the kernel's cache.</summary>
    /// <param name="indexPath">Its index, which may be removed afterwards. Mounts of one path share a connection.</param>
    /// <param name="imageId">Its id.</param>
    /// <param name="mountPoint">A folder; made if it is not there.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">It cannot be mounted; the message says why.</exception>
    public Task<IImageMount> MountAsync(string indexPath, Digest imageId, string mountPoint, CancellationToken cancellationToken) =>
        MountAsync(indexPath, imageId, mountPoint, passthrough: false, cancellationToken);

    /// <summary>Mounts an image.</summary>
    /// <param name="indexPath">Its index, which may be removed afterwards. Mounts of one path share a connection.</param>
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
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var path = Path.GetFullPath(mountPoint);
        Connection connection;
        await _mounting.WaitAsync(cancellationToken);
        try
        {
            connection = Share(indexPath, passthrough) ?? Connect(indexPath, imageId, passthrough);
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
            await connection.Attached.WaitAsync(_options.ServerTimeout, _time, cancellationToken);
            await StartTraceAsync(connection, traceId).WaitAsync(_options.ServerTimeout, _time, cancellationToken);
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

            if (exception is TimeoutException)
            {
                throw new IOException($"The file system of images does not answer; the log says what its server died of. Its program is {string.Join(' ', _options.ServerCommand)}.", exception);
            }

            throw;
        }
    }

    /// <summary>Counters of the server that runs now.</summary>
    /// <exception cref="IOException">It does not answer.</exception>
    public async Task<ServerStats> GetStatsAsync(CancellationToken cancellationToken) =>
        (await _servers.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.Stats }).WaitAsync(cancellationToken)).Stats!;

    /// <summary>Unmounts everything and ends the server. What is still in use then fails with I/O errors.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        // First the mounts, so that the server sees connections end that nobody uses.
        _isDisposed = true;
        _folder.RemoveMounts(logger: null);
        await _servers.DisposeAsync();
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

        _folder.Dispose();
        _mounting.Dispose();
    }

    Task IServerUser.TakeOver(ServerProcess server)
    {
        lock (_lock)
        {
            // From here on Connect sends new ones itself.
            _server = server;
            return Task.WhenAll(_connections.Values.ToList().Select(c => AttachAsync(server, c)).ToList());
        }
    }

    void IServerUser.EndConnection(long number) => EndConnection(number);

    void IServerUser.GiveUp(IOException reason)
    {
        lock (_lock)
        {
            foreach (var connection in _connections.Values.Where(c => !c.Attached.IsCompleted))
            {
                connection.Fail(reason);
            }
        }
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

        var reply = await _servers.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StopTrace, Connection = connection.Number, TraceId = traceId });
        return reply.Trace is { } trace ? AccessTrace.Parse(trace) : new AccessTrace(connection.ImageId, []);
    }

    internal Task PrefetchAsync(Connection connection, AccessTrace trace) =>
        _servers.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.Prefetch, Connection = connection.Number, Trace = trace.Write() });

    internal async Task UnmountAsync(Connection connection, string path, long traceId)
    {
        if (!_isDisposed)
        {
            Mounting.TryDetach(path);
            await ReleaseAsync(connection, traceId);
        }
    }

    private Connection? Share(string indexPath, bool passthrough)
    {
        lock (_lock)
        {
            if (!_shared.TryGetValue((indexPath, passthrough), out var connection) || connection.Attached.IsFaulted)
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
        var basePath = _folder.MakeMountPoint(number);
        var descriptors = new List<Descriptor>();
        try
        {
            descriptors.Add(Fcntl.Open(indexPath, Fcntl.O_RDONLY));
            descriptors.Add(Memfd.Create("modal-mount", MountState.GetLength(passthrough ? CountNodes(indexPath) : 0)));
            var device = FuseDevice.Open();
            descriptors.Add(device);
            FuseMounting.Mount(device, basePath, _folder.Source);
            for (var i = 1; i < _options.ThreadsPerMount; i++)
            {
                descriptors.Add(FuseDevice.Clone(device));
            }
        }
        catch
        {
            StateFolder.RemoveMount(basePath);
            descriptors.ForEach(d => d.Dispose());
            throw;
        }

        var connection = new Connection { Number = number, IndexPath = indexPath, ImageId = imageId, Passthrough = passthrough, BasePath = basePath, Descriptors = descriptors, Users = 1 };
        lock (_lock)
        {
            _connections.Add(number, connection);
            _shared[(indexPath, passthrough)] = connection;
            if (_server is not null)
            {
                _ = AttachAsync(_server, connection);
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

        await _servers.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StartTrace, Connection = connection.Number, TraceId = traceId });
    }

    private async Task ReleaseAsync(Connection connection, long traceId)
    {
        bool isTracing;
        lock (_lock)
        {
            isTracing = connection.Traces.Remove(traceId);
            if (--connection.Users == 0)
            {
                if (_shared.GetValueOrDefault((connection.IndexPath, connection.Passthrough)) == connection)
                {
                    _shared.Remove((connection.IndexPath, connection.Passthrough));
                }

                // The kernel ends the connection when nobody uses it any more; then the server says so.
                StateFolder.RemoveMount(connection.BasePath);
                return;
            }
        }

        if (isTracing)
        {
            try
            {
                // A server that is not there forgets it anyway.
                await _servers.CallAsync(new ControlRequest { Id = 0, Command = ControlCommand.StopTrace, Connection = connection.Number, TraceId = traceId }).WaitAsync(s_forgetTime, _time);
            }
            catch (Exception exception) when (exception is IOException or TimeoutException or ObjectDisposedException)
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
                if (_shared.GetValueOrDefault((connection.IndexPath, connection.Passthrough)) == connection)
                {
                    _shared.Remove((connection.IndexPath, connection.Passthrough));
                }

                connection.Fail(new IOException("The kernel ended the mount."));
                connection.Dispose();
            }
        }
    }
}
