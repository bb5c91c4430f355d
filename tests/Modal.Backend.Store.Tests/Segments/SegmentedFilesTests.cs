using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Segments;
using Modal.Backend.Store.Tests.Trees;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Segments;

public sealed class SegmentedFilesTests : IDisposable
{
    private const int Page = SegmentedFiles.PageBytes;

    private readonly TemporaryFolder _folder = new();
    private readonly DictionaryTier _tier = new();
    private readonly ContentCatalog _catalog = new();
    private readonly Random _random = new(7);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Page)]
    [InlineData((5 * Page) + 17)]
    [InlineData((17 * 1024 * 1024) + 5)]
    public async Task Write_WhatWasAdded_IsTheSame(int length)
    {
        var bytes = Noise(length);
        var (index, _) = await AddAsync("memory", bytes);

        Assert.Equal(bytes, await WriteAsync(index, "memory", bytes.Length));
    }

    [Fact]
    public async Task Add_PagesOfZeros_AreNotStored()
    {
        var bytes = new byte[64 * Page];
        Noise(3 * Page).CopyTo(bytes, 20 * Page);

        var (index, newBytes) = await AddAsync("memory", bytes);

        Assert.Equal(3 * Page, newBytes);
        Assert.Equal(bytes, await WriteAsync(index, "memory", bytes.Length));
    }

    [Fact]
    public async Task Add_SamePagesElsewhere_StoresLittle()
    {
        var same = Noise(512 * Page);
        await AddAsync("first", same);
        byte[] moved = [.. Noise(3 * Page), .. same[..(200 * Page)], .. Noise(Page), .. same[(200 * Page)..]];

        var (index, newBytes) = await AddAsync("second", moved);

        // The four pages, and the segments that they fall into.
        Assert.InRange(newBytes, 4 * Page, 120 * Page);
        Assert.Equal(moved, await WriteAsync(index, "second", moved.Length));
    }

    [Fact]
    public async Task Add_SameBytesALittleFurther_StoresLittle()
    {
        var same = Noise(512 * Page);
        await AddAsync("first", same);
        byte[] moved = [.. Noise(24), .. same];

        var (index, newBytes) = await AddAsync("second", moved);

        Assert.InRange(newBytes, 24, 80 * Page);
        Assert.Equal(moved, await WriteAsync(index, "second", moved.Length));
    }

    [Fact]
    public async Task Write_SegmentOutsideItsFile_IsRefused()
    {
        var (index, _) = await AddAsync("memory", Noise(200 * Page));

        var error = await Assert.ThrowsAsync<IOException>(() => WriteAsync(index, "memory", Page));

        Assert.Contains("outside its file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_LengthNotKnown_IsRefused()
    {
        var (index, _) = await AddAsync("memory", Noise(200 * Page));

        var error = await Assert.ThrowsAsync<IOException>(() => WriteAsync(index, "other", Page));

        Assert.Contains("memory whose length is not known", error.Message, StringComparison.Ordinal);
    }

    private byte[] Noise(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private async Task<(ImageIndex Index, long NewBytes)> AddAsync(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder.Path, name);
        await File.WriteAllBytesAsync(path, bytes, Cancel);
        using var writer = new ContentWriter(_tier, _catalog);
        var root = TreeNode.Directory();
        root.Children.Add(new TreeName(name), await SegmentedFiles.AddAsync(path, writer, Cancel));
        var index = await writer.FinishAsync(root, Cancel);
        return (index, writer.NewBytes);
    }

    private async Task<byte[]> WriteAsync(ImageIndex index, string name, long length)
    {
        var target = Directory.CreateDirectory(Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"))).FullName;
        await SegmentedFiles.WriteAsync(
            index, _tier, new Dictionary<string, long>(StringComparer.Ordinal) { [name] = length }, target, new FakeTimeProvider(), NullLogger.Instance, Cancel);
        return await File.ReadAllBytesAsync(Path.Combine(target, name), Cancel);
    }
}
