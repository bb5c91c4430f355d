using System.Security.Cryptography;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Tests.Trees;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Indexes;

public sealed class DamagedIndexTests
{
    [Fact]
    public async Task Parse_EveryTruncation_IsRefused()
    {
        var bytes = await SampleAsync();
        for (var length = 0; length < bytes.Length; length += Math.Max(1, length / 200))
        {
            Assert.Throws<InvalidDataException>(() => ImageIndex.Parse(bytes.AsMemory(0, length)));
        }

        Assert.Throws<InvalidDataException>(() => ImageIndex.Parse(new byte[bytes.Length + 1]));
    }

    [Fact]
    public async Task ReadStored_WholeCutOrDamaged_IsTheIndexOrRefused()
    {
        var bytes = await SampleAsync();
        using var index = ImageIndex.Parse(bytes);
        var stored = StoredIndex.Write(index);

        Assert.Equal(bytes, StoredIndex.Read(stored));
        Assert.Throws<InvalidDataException>(() => StoredIndex.Read([]));
        Assert.Throws<InvalidDataException>(() => StoredIndex.Read(bytes));
        for (var length = 0; length < stored.Length; length += 7)
        {
            Assert.Throws<InvalidDataException>(() => StoredIndex.Read(stored.AsSpan(0, length)));
        }

        // A frame that says it holds 4 EiB.
        Assert.Throws<InvalidDataException>(() => StoredIndex.Read([0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x01, 0, 0]));
    }

    // Whatever the bytes say, an index is refused or can be walked to its end: no number leads outside.
    [Fact]
    public async Task Parse_RandomDamage_IsRefusedOrHarmless()
    {
        var original = await SampleAsync();
        var (seed, refused) = (Environment.TickCount, 0);
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = (byte[])original.Clone();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                // Mostly numbers that are extreme, near the header and rows where they matter.
                var at = random.Next(2) == 0 ? random.Next(bytes.Length) : random.Next(Math.Min(bytes.Length, 2048));
                bytes[at] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
            }

            RepairPlacementDigest(bytes);
            try
            {
                using var index = ImageIndex.Parse(bytes);
                Walk(index);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}, round {round}: {e}");
            }
        }

        Assert.True(refused > 5_000, $"Only {refused} of 20,000 damaged indexes were refused.");
    }

    [Fact]
    public async Task Open_MappedFile_IsTheSameAsParsed()
    {
        var bytes = await SampleAsync();
        var path = Path.GetTempFileName();
        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);

        using (var index = ImageIndex.Open(path))
        {
            Assert.Equal(ImageIndex.Parse(bytes).Id, index.Id);
            Walk(index);
        }

        File.Delete(path);
    }

    private static void Walk(ImageIndex index)
    {
        for (var n = 0; n < index.NodeCount; n++)
        {
            var (first, count) = index.GetChildren(n);
            for (var c = first; c < first + count; c++)
            {
                if (index.Lookup(n, index.GetName(c)) != c)
                {
                    throw new InvalidOperationException($"Entry {c} is not found by its name.");
                }
            }

            _ = index.GetTarget(n).Length + index.GetAttributes(n).Count;
            if (index.GetBlobNumber(n) is var blob and >= 0)
            {
                var info = index.GetBlob(blob);
                for (var c = info.FirstChunk; c < info.FirstChunk + info.ChunkCount; c++)
                {
                    _ = index.GetChunk(c).Pack;
                }
            }
        }
    }

    // As one who forges an index would, so that what lies behind the digest is reached.
    private static void RepairPlacementDigest(byte[] bytes)
    {
        for (var at = 0; at <= bytes.Length - 64; at += 8)
        {
            if (bytes.AsSpan(at, 8).SequenceEqual("MODLPLC1"u8))
            {
                SHA256.HashData(bytes.AsSpan(at + 64), bytes.AsSpan(at + 32, 32));
            }
        }
    }

    private static async Task<byte[]> SampleAsync()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("mkdir -p a/b c; for i in $(seq 20); do echo $i > a/b/$i; done; head -c 1200000 /dev/urandom > large; ln -s x l; ln large c/hard; : > e");
        return (await DirectoryTreeTests.IngestAsync(folder.Path, new DictionaryTier(), new ContentCatalog())).Bytes.ToArray();
    }
}
