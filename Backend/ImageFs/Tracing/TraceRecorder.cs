using Modal.Backend.Store.Chunks;

namespace Modal.Backend.ImageFs.Tracing;

/// <summary>Notes which chunks of which files are read, each once, in the order of the first read. Safe from many threads.</summary>
internal sealed class TraceRecorder
{
    private readonly Lock _lock = new();
    private readonly HashSet<TraceEntry> _seen = [];
    private readonly List<TraceEntry> _order = [];

    public void Add(int node, long offset, int length)
    {
        var last = (int)((offset + length - 1) / ChunkInfo.MaxBytes);
        lock (_lock)
        {
            for (var chunk = (int)(offset / ChunkInfo.MaxBytes); chunk <= last && _order.Count < AccessTrace.MaxEntries; chunk++)
            {
                var entry = new TraceEntry(node, chunk);
                if (_seen.Add(entry))
                {
                    _order.Add(entry);
                }
            }
        }
    }

    public TraceEntry[] Take()
    {
        lock (_lock)
        {
            return [.. _order];
        }
    }
}
