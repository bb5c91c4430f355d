using System.Security.Cryptography;
using Modal.Backend.Store.Objects;
using Xunit;

namespace Modal.Backend.Store.Tests.Objects;

/// <summary>What every tier must do; one class for each kind runs it.</summary>
public abstract class TierConformance
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly string _kind = $"k{Guid.NewGuid():N}"[..12];

    protected abstract Task<IObjectTier> OpenAsync();

    private string Key(string name) => $"{_kind}/{name}";

    [Fact]
    public async Task Put_ThenRead_GivesTheSameBytes()
    {
        var tier = await OpenAsync();
        foreach (var size in new[] { 0, 1, 5000, 3_000_000 })
        {
            var bytes = RandomNumberGenerator.GetBytes(size);
            await PutAsync(tier, Key($"o{size}"), bytes);

            Assert.Equal(size, await tier.GetSizeAsync(Key($"o{size}"), Cancel));
            var read = new byte[size + 10];
            Assert.Equal(size, await tier.ReadAsync(Key($"o{size}"), 0, read, Cancel));
            Assert.True(bytes.AsSpan().SequenceEqual(read.AsSpan(0, size)));
        }
    }

    [Fact]
    public async Task Read_Parts_AreTheBytesThere()
    {
        var tier = await OpenAsync();
        var bytes = RandomNumberGenerator.GetBytes(100_000);
        await PutAsync(tier, Key("o"), bytes);
        foreach (var (offset, length, expected) in new[] { (0, 10, 10), (99_990, 10, 10), (99_990, 20, 10), (100_000, 10, 0), (200_000, 10, 0), (50_000, 1, 1), (5, 0, 0) })
        {
            var part = new byte[length];
            Assert.Equal(expected, await tier.ReadAsync(Key("o"), offset, part, Cancel));
            Assert.True(bytes.AsSpan(Math.Min(offset, bytes.Length), expected).SequenceEqual(part.AsSpan(0, expected)));
        }
    }

    [Fact]
    public async Task Missing_IsSaidEverywhere()
    {
        var tier = await OpenAsync();
        await PutAsync(tier, Key("there"), [1]);

        Assert.Null(await tier.GetSizeAsync(Key("missing"), Cancel));
        Assert.Null(await tier.ReadAsync(Key("missing"), 0, new byte[1], Cancel));
        Assert.Null(await tier.ReadAsync(Key("missing"), 0, Memory<byte>.Empty, Cancel));
        Assert.Equal([Key("m1"), Key("m2")], await tier.FindMissingAsync([Key("m1"), Key("there"), Key("m2")], Cancel));
        await tier.DeleteAsync(Key("missing"), Cancel);
    }

    [Fact]
    public async Task FindMissing_StoredBeforeTheTimeAskedFor_CountsAsMissing()
    {
        var tier = await OpenAsync();
        await PutAsync(tier, Key("there"), [1]);
        string[] keys = [Key("there"), Key("missing")];

        Assert.Equal([Key("missing")], await tier.FindMissingAsync(keys, DateTimeOffset.UtcNow.AddMinutes(-10), Cancel));
        Assert.Equal(keys, await tier.FindMissingAsync(keys, DateTimeOffset.UtcNow.AddMinutes(10), Cancel));
    }

    [Fact]
    public async Task Put_OverAnother_Replaces()
    {
        var tier = await OpenAsync();
        await PutAsync(tier, Key("o"), [1, 2, 3]);
        await PutAsync(tier, Key("o"), [4]);

        var read = new byte[3];
        Assert.Equal(1, await tier.ReadAsync(Key("o"), 0, read, Cancel));
        Assert.Equal(4, read[0]);
    }

    [Fact]
    public async Task Put_SourceFails_LeavesWhatWasThere()
    {
        var tier = await OpenAsync();
        await PutAsync(tier, Key("old"), [7]);
        foreach (var name in new[] { "old", "new" })
        {
            await Assert.ThrowsAnyAsync<IOException>(() => tier.PutAsync(Key(name), new FailingStream(200_000), Cancel));
        }

        Assert.Equal(1, await tier.GetSizeAsync(Key("old"), Cancel));
        Assert.Null(await tier.GetSizeAsync(Key("new"), Cancel));
    }

    [Fact]
    public async Task Put_ManyOfOneKeyAtOnce_LeavesOneWhole()
    {
        var tier = await OpenAsync();
        var contents = Enumerable.Range(1, 8).Select(i => Enumerable.Repeat((byte)i, 50_000 + i).ToArray()).ToList();
        await Task.WhenAll(contents.Select(c => PutAsync(tier, Key("o"), c)));

        var size = (int)(await tier.GetSizeAsync(Key("o"), Cancel))!.Value;
        var read = new byte[size];
        await tier.ReadAsync(Key("o"), 0, read, Cancel);
        Assert.Contains(contents, c => c.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task Put_LargerThanOnePart_IsWhole()
    {
        var tier = await OpenAsync();
        var bytes = RandomNumberGenerator.GetBytes(40 * 1024 * 1024);
        await PutAsync(tier, Key("large"), bytes);

        var read = new byte[bytes.Length];
        Assert.Equal(bytes.Length, await tier.ReadAsync(Key("large"), 0, read, Cancel));
        Assert.True(bytes.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task List_OfAKind_HasItsObjectsWithTheirSizes()
    {
        var tier = await OpenAsync();
        var names = Enumerable.Range(0, 25).Select(i => $"n{i:00}").ToList();
        foreach (var name in names)
        {
            await PutAsync(tier, Key(name), new byte[name[2] - '0']);
        }

        await PutAsync(tier, $"{_kind}x/other", [1]);
        await tier.DeleteAsync(Key("n07"), Cancel);
        var found = await tier.ListAsync(_kind, Cancel).OrderBy(o => o.Key).ToListAsync(Cancel);

        Assert.Equal(names.Where(n => n != "n07").Select(n => (Key(n), (long)(n[2] - '0'))), found.Select(o => (o.Key, o.SizeBytes)));
        Assert.All(found, o => Assert.InRange(o.Modified, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1)));
        Assert.Empty(await tier.ListAsync("nothing-of-this", Cancel).ToListAsync(Cancel));
    }

    [Theory]
    [InlineData("nokind")]
    [InlineData("a/b/c")]
    [InlineData("a/..")]
    [InlineData("../a")]
    [InlineData("a/")]
    [InlineData("/a")]
    [InlineData("a/b c")]
    [InlineData("")]
    public async Task Key_ThatIsNone_IsRefused(string key)
    {
        var tier = await OpenAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => PutAsync(tier, key, [1]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await tier.ReadAsync(key, 0, new byte[1], Cancel));
        await Assert.ThrowsAsync<ArgumentException>(async () => await tier.FindMissingAsync([key], Cancel));
        await Assert.ThrowsAsync<ArgumentException>(async () => await tier.DeleteAsync(key, Cancel));
    }

    private static async Task PutAsync(IObjectTier tier, string key, byte[] bytes)
    {
        using var content = new MemoryStream(bytes);
        await tier.PutAsync(key, content, Cancel);
    }

    private sealed class FailingStream(int after) : MemoryStream(new byte[after])
    {
        public override int Read(Span<byte> buffer) => Position < Length ? base.Read(buffer) : throw new IOException("the source failed");

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position < Length ? await base.ReadAsync(buffer, cancellationToken) : throw new IOException("the source failed");

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            await base.CopyToAsync(destination, bufferSize, cancellationToken);
            throw new IOException("the source failed");
        }
    }
}
