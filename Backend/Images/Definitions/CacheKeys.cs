using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Modal.Protocol;

namespace Modal.Backend.Images.Definitions;

/// <summary>Names of layers: equal for equal definitions on equal parents, whoever builds them.</summary>
internal sealed class CacheKeys : IDisposable
{
    // Counts up when the same definition is to give other files: what was built before is built again.
    private const int BuilderVersion = 1;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private CacheKeys()
    {
    }

    /// <summary>The key of a layer.</summary>
    /// <param name="parent">Of the layer below; empty for the first.</param>
    /// <param name="layer">Its definition. Values of secrets and <c>force_build</c> have no part in the key.</param>
    /// <param name="resolved">What the definition depends on beside itself, such as the digest that a tag stands for now.</param>
    public static string Of(string parent, ImageLayer layer, params ReadOnlySpan<string> resolved)
    {
        using var key = new CacheKeys();
        key.Add(BuilderVersion.ToString(CultureInfo.InvariantCulture), parent, layer.Operation, layer.Gpu);
        key.AddList([.. layer.Arguments]);
        key.AddList([.. layer.Options.SelectMany(static o => new[] { o.Name, o.Value })]);
        key.AddList([.. layer.Secrets.Order(StringComparer.Ordinal)]);
        key.AddList([.. layer.Files.OrderBy(static f => f.Path, StringComparer.Ordinal).SelectMany(static f => new[]
        {
            f.Path, f.Digest, f.LinkTarget, f.Mode.ToString(CultureInfo.InvariantCulture), f.IsDirectory ? "d" : "f",
        })]);
        key.AddList(resolved);
        return Convert.ToHexStringLower(key._hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private void AddList(ReadOnlySpan<string> parts)
    {
        Add(parts.Length.ToString(CultureInfo.InvariantCulture));
        Add(parts);
    }

    // With their lengths, so that no two lists run together.
    private void Add(params ReadOnlySpan<string> parts)
    {
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            _hash.AppendData(length);
            _hash.AppendData(bytes);
        }
    }
}
