using System.Text;

namespace Modal.Backend.Store.Trees;

/// <summary>A file's name: bytes, as Linux has them, mostly but not always UTF-8. Ordered by bytes.</summary>
public readonly struct TreeName : IEquatable<TreeName>, IComparable<TreeName>
{
    private readonly byte[] _bytes;

    /// <summary>With these bytes.</summary>
    /// <param name="bytes">From 1 to 255 bytes, no '/' and no zero; neither "." nor "..".</param>
    /// <exception cref="ArgumentException">No file can have this name.</exception>
    public TreeName(ReadOnlySpan<byte> bytes)
    {
        if (!IsValid(bytes))
        {
            throw new ArgumentException($"'{Encoding.UTF8.GetString(bytes)}' is no file name: names have 1 to 255 bytes, no '/' and no zero, and are neither '.' nor '..'.", nameof(bytes));
        }

        _bytes = bytes.ToArray();
    }

    /// <summary>With the UTF-8 form of a text.</summary>
    /// <exception cref="ArgumentException">No file can have this name.</exception>
    public TreeName(string name)
        : this(Encoding.UTF8.GetBytes(name))
    {
    }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Whether a file can have this name.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes) =>
        bytes.Length is > 0 and <= 255 && !bytes.ContainsAny((byte)0, (byte)'/') && !bytes.SequenceEqual("."u8) && !bytes.SequenceEqual(".."u8);

    /// <inheritdoc/>
    public bool Equals(TreeName other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TreeName other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public int CompareTo(TreeName other) => Bytes.SequenceCompareTo(other.Bytes);

    /// <summary>As text; bytes that are not UTF-8 become U+FFFD.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes);

    /// <summary>Equality of the bytes.</summary>
    public static bool operator ==(TreeName left, TreeName right) => left.Equals(right);

    /// <summary>Inequality of the bytes.</summary>
    public static bool operator !=(TreeName left, TreeName right) => !left.Equals(right);

    /// <summary>Order of the bytes.</summary>
    public static bool operator <(TreeName left, TreeName right) => left.CompareTo(right) < 0;

    /// <summary>Order of the bytes.</summary>
    public static bool operator >(TreeName left, TreeName right) => left.CompareTo(right) > 0;

    /// <summary>Order of the bytes.</summary>
    public static bool operator <=(TreeName left, TreeName right) => left.CompareTo(right) <= 0;

    /// <summary>Order of the bytes.</summary>
    public static bool operator >=(TreeName left, TreeName right) => left.CompareTo(right) >= 0;
}
