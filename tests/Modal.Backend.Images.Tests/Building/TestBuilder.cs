using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;
using Modal.Backend.Store.Trees;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Building;

/// <summary>A builder over a store in memory, a fake sandbox, and a base of a few files.</summary>
internal sealed class TestBuilder : IBlobSource, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new();
    private readonly ImageBuilder _builder;

    public TestBuilder()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "base-1", "rootfs", "etc"));
        File.WriteAllText(Path.Combine(_folder.Path, "base-1", "rootfs", "etc", "os"), "test");
        Tier = new PausingTier(new MemoryTier(Time));
        Store = new ImageStore(Tier, Path.Combine(_folder.Path, "indexes"), Time);
        _builder = new ImageBuilder(Store, Sandbox, this, new ImageBuilderOptions { StandardBase = Path.Combine(_folder.Path, "base-1", "rootfs") }, NullLogger<ImageBuilder>.Instance);
    }

    public FakeSandbox Sandbox { get; } = new();

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero));

    public PausingTier Tier { get; }

    public ImageStore Store { get; }

    public static ImageLayer Layer(string operation, params string[] arguments) => new() { Operation = operation, Arguments = { arguments } };

    public static ImageSpec Spec(params ImageLayer[] layers) => new() { Layers = { layers } };

    public ImageFile File_(string path, string content, uint mode = 0b110_100_100) => Bytes(path, Encoding.UTF8.GetBytes(content), mode);

    public ImageFile Bytes(string path, byte[] bytes, uint mode = 0b110_100_100)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        _blobs[digest] = bytes;
        return new ImageFile { Path = path, Digest = digest, SizeBytes = bytes.Length, Mode = mode };
    }

    public Task<Stream> OpenAsync(string digest, CancellationToken cancellationToken) =>
        Task.FromResult<Stream>(new MemoryStream(_blobs.TryGetValue(digest, out var bytes) ? bytes : throw new FileNotFoundException(digest)));

    public async Task<List<BuildEvent>> BuildAsync(ImageSpec spec, Action<BuildImageRequest>? change = null, CancellationToken? cancellationToken = null)
    {
        var request = new BuildImageRequest { Image = spec };
        change?.Invoke(request);
        var events = new List<BuildEvent>();
        await _builder.BuildAsync(request, events.Add, cancellationToken ?? TestContext.Current.CancellationToken);
        return events;
    }

    public async Task<(TreeNode Root, BuildRecord Record)> BuiltAsync(ImageSpec spec, Action<BuildImageRequest>? change = null)
    {
        var last = (await BuildAsync(spec, change))[^1];
        Assert.True(last.Built is not null, last.Failed?.Message);
        var record = await Store.ResolveAsync(last.Built!.ImageId, TestContext.Current.CancellationToken);
        using var index = await Store.OpenIndexAsync(record.Index, TestContext.Current.CancellationToken);
        return (TreeNode.FromIndex(index), record);
    }

    /// <summary>Text of a small file, out of its pack.</summary>
    public string Read(TreeNode node)
    {
        if (node.Content is null)
        {
            return "";
        }

        var root = TreeNode.Directory();
        root.Children.Add(new TreeName("f"), node);
        using var writer = new ContentWriter(Store.Tier, new ContentCatalog());
        using var index = writer.FinishAsync(root, CancellationToken.None).GetAwaiter().GetResult();
        var blob = index.GetBlob(index.GetBlobNumber(index.Find("f")));
        var chunk = index.GetChunk(blob.FirstChunk);
        var (frame, bytes) = (new byte[chunk.StoredBytes], new byte[chunk.SizeBytes]);
        Store.Tier.ReadAsync(ObjectKeys.Pack(chunk.Pack), chunk.PackOffset, frame, CancellationToken.None).GetAwaiter().GetResult();
        using var codec = FrameCodec.Rent();
        Assert.True(codec.TryDecompress(frame, bytes));
        return Encoding.UTF8.GetString(bytes, blob.OffsetInChunk, (int)blob.SizeBytes);
    }

    public void Dispose()
    {
        _builder.Dispose();
        _folder.Dispose();
    }
}
