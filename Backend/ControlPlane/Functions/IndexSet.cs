namespace Modal.Backend.ControlPlane.Functions;

/// <summary>A set of numbers kept as ranges. Numbers that arrive mostly in order, as acknowledged inputs do, cost next to nothing.</summary>
internal sealed class IndexSet
{
    // Sorted, apart, never touching: [First, Last] both inside.
    private readonly List<(ulong First, ulong Last)> _ranges = [];

    public int RangeCount => _ranges.Count;

    public bool IsExactly(ulong value) => _ranges.Count == 1 && _ranges[0] == (value, value);

    public bool Contains(ulong value)
    {
        var i = RangeAtOrBefore(value);
        return i >= 0 && value <= _ranges[i].Last;
    }

    public void Add(ulong value)
    {
        var i = RangeAtOrBefore(value);
        if (i >= 0 && value <= _ranges[i].Last)
        {
            return;
        }

        var joinsBefore = i >= 0 && _ranges[i].Last + 1 == value;
        var joinsAfter = i + 1 < _ranges.Count && _ranges[i + 1].First == value + 1;
        if (joinsBefore)
        {
            _ranges[i] = (_ranges[i].First, joinsAfter ? _ranges[i + 1].Last : value);
            if (joinsAfter)
            {
                _ranges.RemoveAt(i + 1);
            }
        }
        else if (joinsAfter)
        {
            _ranges[i + 1] = (value, _ranges[i + 1].Last);
        }
        else
        {
            _ranges.Insert(i + 1, (value, value));
        }
    }

    public void Remove(ulong value)
    {
        var i = RangeAtOrBefore(value);
        if (i < 0 || value > _ranges[i].Last)
        {
            return;
        }

        var (first, last) = _ranges[i];
        _ranges.RemoveAt(i);
        if (value < last)
        {
            _ranges.Insert(i, (value + 1, last));
        }

        if (first < value)
        {
            _ranges.Insert(i, (first, value - 1));
        }
    }

    private int RangeAtOrBefore(ulong value)
    {
        // The newest numbers are asked for most.
        var low = 0;
        var high = _ranges.Count - 1;
        if (high >= 0 && _ranges[high].First <= value)
        {
            return high;
        }

        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (_ranges[middle].First <= value)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }
}
