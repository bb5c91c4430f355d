using System.Security.Cryptography;

namespace Modal.Protocol;

/// <summary>Makes and checks the prefixed ids that every object carries.</summary>
public static class Id
{
    /// <summary>Prefix of an app.</summary>
    public const string App = "ap-";

    /// <summary>Prefix of a function.</summary>
    public const string Function = "fn-";

    /// <summary>Prefix of a call or call stream.</summary>
    public const string Call = "fc-";

    /// <summary>Prefix of an input.</summary>
    public const string Input = "in-";

    /// <summary>Prefix of a container.</summary>
    public const string Container = "ta-";

    /// <summary>Prefix of a cluster of containers.</summary>
    public const string Cluster = "cl-";

    /// <summary>Prefix of a worker.</summary>
    public const string Worker = "wk-";

    /// <summary>Prefix of an image.</summary>
    public const string Image = "im-";

    /// <summary>Prefix of a secret.</summary>
    public const string Secret = "st-";

    /// <summary>Prefix of a dict.</summary>
    public const string Dict = "di-";

    /// <summary>Prefix of a queue.</summary>
    public const string Queue = "qu-";

    /// <summary>Prefix of a volume.</summary>
    public const string Volume = "vo-";

    // 22 characters of a 62-letter alphabet are 131 bits: as unlikely to repeat as a GUID.
    private const int SuffixLength = 22;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private static readonly System.Buffers.SearchValues<char> s_alphabet = System.Buffers.SearchValues.Create(Alphabet);

    /// <summary>A new random id with one of the prefixes above.</summary>
    /// <param name="prefix">Such as <see cref="App"/>.</param>
    /// <returns>The prefix and 22 letters and digits.</returns>
    public static string New(string prefix)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        return prefix + RandomNumberGenerator.GetString(Alphabet, SuffixLength);
    }

    /// <summary>The id of a deployed app: the same for the same name, also after it was stopped and deployed again.</summary>
    /// <param name="environment">The environment's name.</param>
    /// <param name="name">The app's name.</param>
    public static string DeployedApp(string environment, string name) => Derive(App, "deployed", environment, name);

    /// <summary>An id that is the same for the same parts, for objects that must keep theirs across processes.</summary>
    /// <param name="prefix">Such as <see cref="Function"/>.</param>
    /// <param name="parts">What the object is made of; the order counts, and no two lists of parts run together.</param>
    /// <returns>The prefix and 22 letters and digits.</returns>
    public static string Derive(string prefix, params ReadOnlySpan<string> parts)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(part);
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        var digest = new System.Numerics.BigInteger(hash.GetHashAndReset(), isUnsigned: true);
        return prefix + string.Create(SuffixLength, digest, static (span, value) =>
        {
            foreach (ref var c in span)
            {
                value = System.Numerics.BigInteger.DivRem(value, Alphabet.Length, out var digit);
                c = Alphabet[(int)digit];
            }
        });
    }

    /// <summary>Whether <paramref name="id"/> has that prefix and a suffix of 22 letters and digits.</summary>
    /// <param name="id">Any text; null is not valid.</param>
    /// <param name="prefix">Such as <see cref="App"/>.</param>
    public static bool IsValid(string? id, string prefix)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        return id is not null
            && id.Length == prefix.Length + SuffixLength
            && id.StartsWith(prefix, StringComparison.Ordinal)
            && id.AsSpan(prefix.Length).IndexOfAnyExcept(s_alphabet) < 0;
    }
}
