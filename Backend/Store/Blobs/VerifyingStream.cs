using System.Security.Cryptography;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Blobs;

/// <summary>The bytes of another stream, read once: where that one ends it throws if they do not have their digest, so that whoever stores them sees no end and stores nothing.</summary>
internal sealed class VerifyingStream(Stream content, string digest) : ReadOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool? _isRight;

    /// <summary>Whether all bytes were read and are not what they should be.</summary>
    public bool IsWrong => _isRight == false;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        if (_isRight is null && await content.ReadAsync(buffer, cancellationToken) is var length and > 0)
        {
            _hash.AppendData(buffer.Span[..length]);
            return length;
        }

        _isRight ??= Convert.ToHexStringLower(_hash.GetHashAndReset()) == digest;
        return _isRight.Value ? 0 : throw new InvalidDataException($"The bytes do not have the digest {digest}.");
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("Tiers read asynchronously.");

    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
