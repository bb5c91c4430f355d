namespace Modal.Backend.Store.Indexes;

/// <summary>Byte strings one after another, equal ones once.</summary>
internal sealed class ByteTable
{
    private readonly Dictionary<ReadOnlyMemory<byte>, int> _offsets = new(new ByteComparer());
    private byte[] _bytes = new byte[4096];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <returns>Where it begins.</returns>
    public int Add(ReadOnlySpan<byte> value)
    {
        var lookup = _offsets.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (lookup.TryGetValue(value, out var offset))
        {
            return offset;
        }

        if (Length + value.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, checked(Length + value.Length)));
        }

        value.CopyTo(_bytes.AsSpan(Length));
        lookup[value] = Length;
        Length += value.Length;
        return Length - value.Length;
    }

    private sealed class ByteComparer : IEqualityComparer<ReadOnlyMemory<byte>>, IAlternateEqualityComparer<ReadOnlySpan<byte>, ReadOnlyMemory<byte>>
    {
        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> obj) => GetHashCode(obj.Span);

        public bool Equals(ReadOnlySpan<byte> alternate, ReadOnlyMemory<byte> other) => alternate.SequenceEqual(other.Span);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public ReadOnlyMemory<byte> Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
