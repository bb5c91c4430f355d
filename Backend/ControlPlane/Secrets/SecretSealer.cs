using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>
/// Seals values with AES-GCM under a key that lies in a file beside the database, not in it. What is sealed can be opened only as the secret it was sealed for: another row's bytes are refused.
/// For any thread.
/// </summary>
internal sealed class SecretSealer(IOptions<ControlPlaneOptions> options, ILogger<SecretSealer> logger)
{
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    // First byte of what is sealed: another way to seal would have another.
    private const byte Format = 1;

    private readonly Lazy<byte[]> _key = new(() => ReadKey(options.Value.SecretsKey, logger));

    /// <param name="environment">Where the secret is.</param>
    /// <param name="name">Its name; of an app's secret its id.</param>
    /// <param name="values">What is sealed.</param>
    public byte[] Seal(string environment, string name, SecretValues values)
    {
        var plain = values.ToByteArray();
        var sealedBytes = new byte[1 + NonceBytes + TagBytes + plain.Length];
        sealedBytes[0] = Format;
        var nonce = sealedBytes.AsSpan(1, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_key.Value, TagBytes);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(1 + NonceBytes + TagBytes), sealedBytes.AsSpan(1 + NonceBytes, TagBytes), Owner(environment, name));
        CryptographicOperations.ZeroMemory(plain);
        return sealedBytes;
    }

    /// <exception cref="SecretException">It was sealed with another key or for another secret, or is damaged.</exception>
    public SecretValues Open(string environment, string name, ReadOnlySpan<byte> sealedBytes)
    {
        try
        {
            if (sealedBytes.Length < 1 + NonceBytes + TagBytes || sealedBytes[0] != Format)
            {
                throw new CryptographicException("It has another format.");
            }

            var plain = new byte[sealedBytes.Length - 1 - NonceBytes - TagBytes];
            using var aes = new AesGcm(_key.Value, TagBytes);
            aes.Decrypt(sealedBytes.Slice(1, NonceBytes), sealedBytes[(1 + NonceBytes + TagBytes)..], sealedBytes.Slice(1 + NonceBytes, TagBytes), plain, Owner(environment, name));
            var values = SecretValues.Parser.ParseFrom(plain);
            CryptographicOperations.ZeroMemory(plain);
            return values;
        }
        catch (CryptographicException e)
        {
            throw new SecretException($"The secret '{name}' cannot be opened with the key {options.Value.SecretsKey}: it was sealed with another. Bring that key back, or create the secret again.", e);
        }
    }

    /// <summary>Tells values from others, and cannot be turned back into them without the key.</summary>
    public string Fingerprint(IReadOnlyDictionary<string, string> variables)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key.Value);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var text in variables.OrderBy(static v => v.Key, StringComparer.Ordinal).SelectMany(static v => new[] { v.Key, v.Value }))
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Owner(string environment, string name) => Encoding.UTF8.GetBytes($"{environment}\n{name}");

    private static byte[] ReadKey(string path, ILogger logger)
    {
        if (!File.Exists(path))
        {
            // Whole or not at all, and never over one that another process has made meanwhile.
            var made = $"{path}.{Guid.NewGuid():N}";
            using (var file = new FileStream(made, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                file.Write(RandomNumberGenerator.GetBytes(KeyBytes));
                file.Flush(flushToDisk: true);
            }

            try
            {
                File.Move(made, path, overwrite: false);
                logger.SecretsKeyMade(path);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(made);
            }
        }

        var key = File.ReadAllBytes(path);
        return key.Length == KeyBytes ? key : throw new SecretException($"The key of secrets, {path}, has {key.Length} bytes and must have {KeyBytes}.", null);
    }
}
