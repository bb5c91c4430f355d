using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Chunks;

/// <summary>A file of the cache: one chunk, or a large content of which some chunks may be missing.</summary>
internal sealed class CacheEntry(Digest key, string path, int chunkCount)
{
    private readonly ulong[]? _present = chunkCount > 1 ? new ulong[(chunkCount + 63) / 64] : null;
    private readonly ulong[]? _checked = chunkCount > 1 ? new ulong[(chunkCount + 63) / 64] : null;
    private long _lastUse = Environment.TickCount64;

    public Digest Key { get; } = key;

    public string Path { get; } = path;

    public int ChunkCount { get; } = chunkCount;

    /// <summary>Guards changes of the file and of what is said of it here.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Open for reading; null if it was not used for a while.</summary>
    public volatile SafeFileHandle? Handle;

    /// <summary>Bytes on disk.</summary>
    public long SizeBytes { get; set; }

    public int PresentCount { get; private set; }

    /// <summary>It was evicted or found damaged; whoever holds it asks the cache again.</summary>
    public volatile bool IsGone;

    public bool IsComplete => PresentCount == ChunkCount;

    public long LastUse => Volatile.Read(ref _lastUse);

    public void Touch() => Volatile.Write(ref _lastUse, Environment.TickCount64);

    public bool Has(int chunk) => _present is null ? PresentCount > 0 : (Volatile.Read(ref _present[chunk >> 6]) >> chunk & 1) != 0;

    /// <summary>Whether the chunk's bytes were compared with its digest since they could have been damaged.</summary>
    public bool IsChecked(int chunk) => _checked is null || (Volatile.Read(ref _checked[chunk >> 6]) >> chunk & 1) != 0;

    /// <summary>Under the gate.</summary>
    public void Add(int chunk, bool isChecked)
    {
        if (!Has(chunk))
        {
            PresentCount++;
            if (_present is not null)
            {
                Volatile.Write(ref _present[chunk >> 6], _present[chunk >> 6] | (1UL << chunk));
            }
        }

        if (isChecked && _checked is not null)
        {
            Volatile.Write(ref _checked[chunk >> 6], _checked[chunk >> 6] | (1UL << chunk));
        }
    }

    /// <summary>Under the gate: the chunk is damaged.</summary>
    public void Remove(int chunk)
    {
        if (Has(chunk))
        {
            PresentCount--;
            if (_present is not null)
            {
                Volatile.Write(ref _present[chunk >> 6], _present[chunk >> 6] & ~(1UL << chunk));
            }
        }
    }

    /// <summary>The bits of what is present, as the file beside it has them.</summary>
    public ReadOnlySpan<ulong> Present => _present;
}
