using System.Collections.Concurrent;
using System.Security.Cryptography;
using Modal.Backend.Worker.Blobs;
using Modal.Protocol;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>Blobs in memory and in a folder of assemblies.</summary>
internal sealed class LocalBlobs : IWorkerBlobs
{
    private readonly ConcurrentDictionary<string, byte[]> _bytes = new(StringComparer.Ordinal);

    public int Reads { get; private set; }

    public string Add(byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        _bytes[digest] = bytes;
        return digest;
    }

    /// <summary>All files of a folder as a code version.</summary>
    public CodeVersion AddFolder(string folder)
    {
        var version = new CodeVersion();
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(path);
            version.Files.Add(new CodeFile { Path = Path.GetRelativePath(folder, path), Digest = Add(bytes), SizeBytes = bytes.Length });
        }

        return version;
    }

    public byte[] Get(string digest) => _bytes[digest];

    /// <summary>Makes the bytes of a digest wrong.</summary>
    public void Damage(string digest) => _bytes[digest] = [1, 2, 3];

    public async Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
    {
        Reads++;
        var bytes = _bytes.GetValueOrDefault(digest) ?? throw new FileNotFoundException($"There is no blob {digest}.");
        await destination.WriteAsync(bytes, cancellationToken);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != digest)
        {
            throw new InvalidDataException($"The blob {digest} has other bytes.");
        }
    }

    public Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _bytes[digest] = bytes.ToArray();
        return Task.CompletedTask;
    }
}
