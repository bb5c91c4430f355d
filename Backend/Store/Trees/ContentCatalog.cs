using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Trees;

/// <summary>What is stored already, so that it is not stored again: the contents of the images that it was told of. Safe from many threads.</summary>
public sealed class ContentCatalog
{
    private readonly ConcurrentDictionary<Digest, FileContent> _contents = new();
    private readonly ConcurrentDictionary<string, bool> _indexes = new(StringComparer.Ordinal);

    /// <summary>Number of different contents.</summary>
    public int Count => _contents.Count;

    /// <summary>Adds what an image has. Its packs must be stored. Once is enough.</summary>
    public void Add(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        if (!_indexes.TryAdd(index.Name, true))
        {
            return;
        }

        var contents = new IndexContents(index);
        for (var blob = 0; blob < index.BlobCount; blob++)
        {
            var content = contents[blob];

            // In place of what was known: the newest lies in packs that are the longest there.
            _contents[content.Digest] = content;
        }
    }

    /// <summary>Forgets everything, as when packs were removed.</summary>
    public void Clear()
    {
        _indexes.Clear();
        _contents.Clear();
    }

    internal bool TryFind(Digest digest, [NotNullWhen(true)] out FileContent? content) => _contents.TryGetValue(digest, out content);
}
