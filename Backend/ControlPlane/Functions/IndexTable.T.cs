namespace Modal.Backend.ControlPlane.Functions;

/// <summary>Items by number. Numbers that follow each other, as calls and inputs do, cost little more than a reference each; any others work too.</summary>
internal sealed class IndexTable<T>
    where T : class
{
    // Numbers far apart cost a segment each: at 16 that is some 200 bytes at worst, and 12 bytes a number at best.
    private const int SegmentBits = 4;
    private const int SegmentSize = 1 << SegmentBits;

    private readonly Dictionary<ulong, Segment> _segments = [];
    private Segment? _recent;

    public int Count { get; private set; }

    public IEnumerable<T> Values
    {
        get
        {
            foreach (var segment in _segments.Values)
            {
                foreach (var item in segment.Items)
                {
                    if (item is not null)
                    {
                        yield return item;
                    }
                }
            }
        }
    }

    public T? Find(ulong number) => SegmentOf(number)?.Items[number % SegmentSize];

    /// <param name="number">Must be free.</param>
    /// <param name="item">What <see cref="Find"/> gives for it.</param>
    public void Add(ulong number, T item)
    {
        var segment = SegmentOf(number);
        if (segment is null)
        {
            segment = new Segment(number >> SegmentBits);
            _segments.Add(segment.Number, segment);
            _recent = segment;
        }

        segment.Items[number % SegmentSize] = item;
        segment.Count++;
        Count++;
    }

    public void Remove(ulong number)
    {
        if (SegmentOf(number) is { } segment && segment.Items[number % SegmentSize] is not null)
        {
            segment.Items[number % SegmentSize] = null;
            Count--;
            if (--segment.Count == 0)
            {
                _segments.Remove(segment.Number);
                _recent = null;
            }
        }
    }

    private Segment? SegmentOf(ulong number)
    {
        if (_recent?.Number == number >> SegmentBits)
        {
            return _recent;
        }

        if (_segments.TryGetValue(number >> SegmentBits, out var segment))
        {
            _recent = segment;
        }

        return segment;
    }

    private sealed class Segment(ulong number)
    {
        public ulong Number { get; } = number;

        public int Count { get; set; }

        public T?[] Items { get; } = new T?[SegmentSize];
    }
}
