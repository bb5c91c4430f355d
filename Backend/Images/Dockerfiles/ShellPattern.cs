namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A pattern of <c>${x#…}</c> and its like: <c>*</c> and <c>?</c>. What lies between stars is looked for one after the other, so that none takes exponential time.</summary>
internal sealed class ShellPattern
{
    // A pattern and a value of the greatest length would take 128 Ki × 128 Ki steps.
    private const int MaxLength = 1024;

    // Null is any one letter.
    private readonly List<char?[]> _parts;

    private ShellPattern(List<char?[]> parts) => _parts = parts;

    /// <exception cref="DockerfileException">It is too long.</exception>
    public static ShellPattern Parse(string pattern, char escape, int line)
    {
        if (pattern.Length > MaxLength)
        {
            throw new DockerfileException(line, $"a pattern in a variable has {pattern.Length} characters; {MaxLength} are allowed.");
        }

        var parts = new List<List<char?>> { new() };
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '*')
            {
                parts.Add([]);
            }
            else
            {
                parts[^1].Add(c == '?' ? null : c == escape && i + 1 < pattern.Length ? pattern[++i] : c);
            }
        }

        return new ShellPattern([.. parts.Select(static p => p.ToArray())]);
    }

    /// <summary>How much of the beginning it matches; 0 if nothing.</summary>
    public int Prefix(string value, bool isLongest) => IsAt(value, _parts[0], 0) ? Math.Max(0, End(value, 0, isLongest)) : 0;

    /// <summary>How much of the end it matches; 0 if nothing.</summary>
    public int Suffix(string value, bool isLongest)
    {
        var mirrored = new ShellPattern([.. _parts.AsEnumerable().Reverse().Select(static p => p.Reverse().ToArray())]);
        return mirrored.Prefix(string.Create(value.Length, value, static (to, from) =>
        {
            from.CopyTo(to);
            to.Reverse();
        }), isLongest);
    }

    /// <summary>The first place that it matches, and as much there as it can; a negative start if there is none.</summary>
    public (int Start, int Length) Find(string value, int from)
    {
        // If what follows the first part is not found after its first place, then it is not after a later one either.
        var start = Next(value, _parts[0], from);
        var end = start < 0 ? -1 : End(value, start, isLongest: true);
        return end < 0 ? (-1, 0) : (start, end - start);
    }

    // Where a match that begins here ends; -1 if there is none. The first part is here already.
    private int End(string value, int start, bool isLongest)
    {
        var at = start + _parts[0].Length;
        for (var i = 1; i < _parts.Count; i++)
        {
            var place = isLongest && i == _parts.Count - 1 ? Last(value, _parts[i], at) : Next(value, _parts[i], at);
            if (place < 0)
            {
                return -1;
            }

            at = place + _parts[i].Length;
        }

        return at;
    }

    private static int Next(string value, char?[] part, int from)
    {
        for (var at = from; at + part.Length <= value.Length; at++)
        {
            if (IsAt(value, part, at))
            {
                return at;
            }
        }

        return -1;
    }

    private static int Last(string value, char?[] part, int from)
    {
        for (var at = value.Length - part.Length; at >= from; at--)
        {
            if (IsAt(value, part, at))
            {
                return at;
            }
        }

        return -1;
    }

    private static bool IsAt(string value, char?[] part, int at)
    {
        if (at + part.Length > value.Length)
        {
            return false;
        }

        for (var i = 0; i < part.Length; i++)
        {
            if (part[i] is { } letter && letter != value[at + i])
            {
                return false;
            }
        }

        return true;
    }
}
