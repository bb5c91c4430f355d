using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Serving;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.ImageFs.Server;

/// <summary>One connection in the server process: its index, its threads, its traces. Lives until the kernel ends the connection.</summary>
internal sealed class ServerConnection : IAsyncDisposable
{
    private static readonly TimeSpan s_indexGrace = TimeSpan.FromMinutes(10);

    private readonly IContent _content;
    private readonly MountState _state;
    private readonly ImageIndex _index;
    private readonly TimeProvider _time;
    private readonly IDisposable _pin;
    private readonly ImageFileSystem _fileSystem;
    private readonly FuseSession _session;
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentDictionary<long, TraceRecorder> _traces = new();
    private readonly Lock _lock = new();
    private Task _prefetching = Task.CompletedTask;

    private ServerConnection(IContent content, MountState state, ImageIndex index, IReadOnlyList<Descriptor> devices, bool passthrough, TimeProvider time, ILogger logger)
    {
        (_content, _state, _index, _time) = (content, state, index, time);
        _pin = content.Pin(index);
        _fileSystem = new ImageFileSystem(index, content, passthrough ? new OpenFiles(index, content, state) : null);

        // Before the kernel has its answer: if this process dies between, INIT comes again, but as one of the requests that the next one takes over.
        _session = new FuseSession(devices, _fileSystem, $"image {index.Id}", logger) { Initializing = () => state.IsInitialized = true };
    }

    public FuseSession Session => _session;

    /// <summary>Takes a connection over and begins to serve it.</summary>
    /// <param name="content">Where bytes come from.</param>
    /// <param name="imageId">The image that it must be.</param>
    /// <param name="passthrough">Whether files are opened.</param>
    /// <param name="descriptors">The index, the mount's state, the devices. Owned from now on, if there is no exception.</param>
    /// <param name="time">For pauses.</param>
    /// <param name="logger">Where failures go.</param>
    /// <exception cref="InvalidDataException">The index is damaged or of another image.</exception>
    public static ServerConnection Start(IContent content, Digest imageId, bool passthrough, IReadOnlyList<Descriptor> descriptors, TimeProvider time, ILogger logger)
    {
        if (descriptors.Count < 3)
        {
            throw new InvalidDataException($"A connection comes with 3 descriptors or more, not {descriptors.Count}.");
        }

        var index = ImageIndex.Open($"/proc/self/fd/{descriptors[0].Number}");
        MountState? state = null;
        try
        {
            if (index.Id != imageId)
            {
                throw new InvalidDataException($"The index is of the image {index.Id}, not of {imageId}.");
            }

            state = new MountState(descriptors[1]);
            var connection = new ServerConnection(content, state, index, [.. descriptors.Skip(2)], passthrough, time, logger);
            descriptors[0].Dispose();
            descriptors[1].Dispose();
            connection._session.Start(resume: state.IsInitialized);
            return connection;
        }
        catch
        {
            state?.Dispose();
            index.Dispose();
            throw;
        }
    }

    public void StartTrace(long id)
    {
        var recorder = new TraceRecorder();
        if (_traces.TryAdd(id, recorder))
        {
            _fileSystem.Add(recorder);
        }
    }

    /// <returns>Null if there is no such trace.</returns>
    public byte[]? StopTrace(long id)
    {
        if (!_traces.TryRemove(id, out var recorder))
        {
            return null;
        }

        _fileSystem.Remove(recorder);
        return new AccessTrace(_index.Id, recorder.Take()).Write();
    }

    /// <summary>Fetches what a trace names; ends early when the connection does.</summary>
    public Task PrefetchAsync(AccessTrace trace)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_ended.IsCancellationRequested, this);
            var prefetch = _content.PrefetchAsync(_index, trace.FindChunks(_index), _ended.Token);
            _prefetching = Task.WhenAll(_prefetching, prefetch);
            return prefetch;
        }
    }

    /// <summary>To be called when the session has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Task prefetching;
        lock (_lock)
        {
            _ended.Cancel();
            prefetching = _prefetching;
        }

        await prefetching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Reads that wait for the origin were interrupted; the memory they use must stay until they have noticed.
        while (_session.PendingCount > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), _time);
        }

        _session.Dispose();
        _pin.Dispose();
        _state.Dispose();

        // What the contents fetch unasked after a read goes on behind the reader, and looks at the index meanwhile: unmapped memory would end the process.
        // A file's rest is 16 MiB or less, for which the slowest origin has enough time; until then the index costs addresses, not memory.
        await Task.Delay(s_indexGrace, _time);
        _index.Dispose();
        _ended.Dispose();
    }
}
