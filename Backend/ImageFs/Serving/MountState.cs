using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>
/// What a server must know of a connection that another one served before: memory (memfd_create(2)) that the supervisor holds and every server maps.
/// It is right after each single store, wherever a server is killed.
/// </summary>
internal sealed unsafe class MountState : IDisposable
{
    private const int HeaderBytes = 16;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly int _nodes;

    /// <summary>Maps it.</summary>
    /// <param name="memory">Its descriptor, which may be closed afterwards.</param>
    /// <exception cref="InvalidDataException">It is too short.</exception>
    public MountState(Descriptor memory)
    {
        var path = $"/proc/self/fd/{memory.Number}";
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        if (stream.Length < HeaderBytes)
        {
            throw new InvalidDataException($"A mount's state has {stream.Length} bytes; at least {HeaderBytes} are needed.");
        }

        _nodes = (int)((stream.Length - HeaderBytes) / Unsafe.SizeOf<OpenFile>());
        _file = MemoryMappedFile.CreateFromFile(stream, mapName: null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Whether the kernel has had its answer to INIT.</summary>
    public bool IsInitialized
    {
        get => _start[0] != 0;
        set => _start[0] = value ? (byte)1 : (byte)0;
    }

    /// <summary>Whether the kernel has passthrough and was told that it will be used.</summary>
    public bool PassesThrough
    {
        get => _start[1] != 0;
        set => _start[1] = value ? (byte)1 : (byte)0;
    }

    /// <summary>How a file is open.</summary>
    /// <param name="node">Number of its entry.</param>
    public ref OpenFile this[int node]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)node, (uint)_nodes);
            return ref ((OpenFile*)(_start + HeaderBytes))[node];
        }
    }

    /// <summary>How long the memory must be.</summary>
    /// <param name="nodes">Number of entries for which files are opened; 0 for mounts without passthrough.</param>
    public static long GetLength(int nodes) => HeaderBytes + ((long)nodes * Unsafe.SizeOf<OpenFile>());

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    /// <summary>How a file is open.</summary>
    internal struct OpenFile
    {
        /// <summary>Id of its backing file in the connection; 0 if it has none.</summary>
        public int BackingId;

        /// <summary>How often it is open through the cache, or more.</summary>
        public int CachedOpens;
    }
}
