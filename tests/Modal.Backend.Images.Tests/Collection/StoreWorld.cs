using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Tests.Building;
using Modal.Backend.Store.Checking;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Collection;

/// <summary>Two hosts that build images in one store, with collectors and checks beside them; a seed chooses who does what, and when.</summary>
internal sealed class StoreWorld : IBlobSource, IDisposable
{
    private const int Hosts = 2;

    // Few, so that builds share contents and layers.
    private static readonly string[] s_contents = [.. Enumerable.Range(0, 4).Select(static i => $"content {i}")];

    private readonly Random _random;
    private readonly FakeTimeProvider _time;
    private readonly MemoryTier _store;
    private readonly TurnTier _tier;
    private readonly TemporaryFolder _folder = new();
    private readonly Host?[] _hosts = new Host?[Hosts];
    private readonly Dictionary<string, Image> _images = new(StringComparer.Ordinal);
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);
    private int _folders;
    private int _rounds;

    public StoreWorld(int seed)
    {
        _random = new Random(seed);
        _time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + TimeSpan.FromHours(_random.Next(24 * 365)));
        _store = new MemoryTier(_time);
        _tier = new TurnTier(_store);
    }

    /// <summary>How many layers were built, images found in the store, objects removed from it.</summary>
    public (int Built, int Found, int Removed) Counts { get; private set; }

    /// <summary>Whether a damaged pack may make a build fail.</summary>
    public bool IsDamaged { get; set; }

    public Task<Stream> OpenAsync(string digest, CancellationToken cancellationToken) =>
        Task.FromResult<Stream>(new MemoryStream(Encoding.UTF8.GetBytes(s_contents.Single(c => DigestOf(c) == digest))));

    /// <summary>Some of all at the same time, and then some time passes.</summary>
    public async Task RoundAsync()
    {
        var turns = _tier.Turns = new Turns(_random);
        for (var h = 0; h < Hosts; h++)
        {
            if (_random.Next(3) > 0)
            {
                // A new process knows nothing of what it stored.
                var host = _hosts[h] is { } old && _random.Next(3) > 0 ? old : _hosts[h] = new Host(new ImageStore(_tier, Path.Combine(_folder.Path, $"{++_folders}"), _time), this);
                var seed = _random.Next();
                turns.Add(() => WorkAsync(host, new Random(seed)));
            }
        }

        // The images of running containers are roots of one collector only: the other's host has no such container.
        foreach (var roots in new[] { [.. _running], Array.Empty<string>() }.Where(_ => _random.Next(3) > 0))
        {
            turns.Add(() => CollectAsync(roots));
        }

        if (_random.Next(2) == 0)
        {
            turns.Add(CheckAsync);
        }

        await turns.RunAsync(() => _time.Advance(TimeSpan.FromSeconds(_random.Next(90))));
        await AssertWholeAsync();
        _time.Advance(_random.Next(6) switch
        {
            0 => TimeSpan.FromMinutes(_random.Next(60)),
            1 => TimeSpan.FromHours(_random.Next(24)),
            2 or 3 => TimeSpan.FromHours(24 + _random.Next(3)),
            4 => TimeSpan.FromDays(1 + _random.Next(5)),
            _ => TimeSpan.FromDays(_random.Next(14)),
        });
        await AssertWholeAsync();

        // A host that has a running container collects at least once a month.
        if (++_rounds % 2 == 0)
        {
            await AloneAsync(() => CollectAsync([.. _running]));
            await AssertWholeAsync();
        }
    }

    /// <summary>Changes a byte of a pack, repairs while hosts build, and repairs again.</summary>
    public async Task DamageAndRepairAsync()
    {
        if (await _store.ListAsync(ObjectKeys.Packs, Cancel).ToListAsync(Cancel) is not { Count: > 0 } packs)
        {
            return;
        }

        var key = packs[_random.Next(packs.Count)].Key;
        var bytes = (await ReadAsync(key))!;
        bytes[_random.Next(bytes.Length)] ^= 1;
        await _store.PutAsync(key, new MemoryStream(bytes), Cancel);
        IsDamaged = true;
        var turns = _tier.Turns = new Turns(_random);
        foreach (var host in _hosts.OfType<Host>())
        {
            var seed = _random.Next();
            turns.Add(() => WorkAsync(host, new Random(seed)));
        }

        turns.Add(() => StoreCheck.RunAsync(_tier, repair: true, Cancel));
        await turns.RunAsync(() => _time.Advance(TimeSpan.FromSeconds(_random.Next(90))));
        await AloneAsync(() => StoreCheck.RunAsync(_tier, repair: true, Cancel));
        IsDamaged = false;
        await AloneAsync(CheckAsync);

        // Whatever was hit is made again by who asks for it.
        var host0 = new Host(new ImageStore(_tier, Path.Combine(_folder.Path, $"{++_folders}"), _time), this);
        foreach (var image in _images.Values.ToList())
        {
            await AloneAsync(() => BuildAsync(host0, image.Spec, image.Files));
        }

        host0.Builder.Dispose();
        await AssertWholeAsync();
    }

    public void Dispose()
    {
        foreach (var host in _hosts)
        {
            host?.Builder.Dispose();
        }

        _folder.Dispose();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string DigestOf(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    private async Task AloneAsync(Func<Task> act)
    {
        var turns = _tier.Turns = new Turns(_random);
        turns.Add(act);
        await turns.RunAsync(static () => { });
    }

    private async Task CollectAsync(string[] roots)
    {
        var result = await new Collector(_tier, new CollectorOptions(), _time).RunAsync(roots, Cancel);
        Counts = Counts with { Removed = Counts.Removed + result.Removed };
    }

    private async Task CheckAsync() => Assert.Empty(await StoreCheck.RunAsync(_tier, repair: true, Cancel));

    private async Task WorkAsync(Host host, Random random)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var known = _images.Values.Where(IsLive).ToList();
            if (known.Count > 0 && random.Next(4) == 0)
            {
                await StartAsync(host, known[random.Next(known.Count)], random);
            }
            else
            {
                var (spec, files) = known.Count > 0 && random.Next(3) == 0 && known[random.Next(known.Count)] is var again ? (again.Spec, again.Files) : Make(random);

                // Without the cache it leaves layers that nothing names: they are garbage a day later, and the host still knows what is in them.
                await BuildAsync(host, spec, files, ignoreCache: random.Next(3) == 0);
            }
        }
    }

    // A container of an image starts, and it or another goes on.
    private async Task StartAsync(Host host, Image image, Random random)
    {
        var now = _time.GetUtcNow();
        await host.Store.ResolveAsync(image.Id, Cancel);
        image.Used = now;
        _ = random.Next(2) == 0 ? _running.Add(image.Id) : _running.Remove(_running.FirstOrDefault(""));
    }

    private async Task BuildAsync(Host host, ImageSpec spec, Dictionary<string, string> files, bool ignoreCache = false)
    {
        var (now, last) = (_time.GetUtcNow(), default(BuildEvent));
        await host.Builder.BuildAsync(new BuildImageRequest { Image = spec, IgnoreCache = ignoreCache }, e => last = e, Cancel);
        if (last!.Built is not { } built)
        {
            Assert.True(IsDamaged, last.Failed.Message);
            return;
        }

        Counts = Counts with { Built = Counts.Built + built.BuiltLayers, Found = Counts.Found + (built.BuiltLayers == 0 ? 1 : 0) };
        var image = _images.TryGetValue(built.ImageId, out var there) ? there : _images[built.ImageId] = new Image(built.ImageId, spec, files);
        image.Used = now;
    }

    private static (ImageSpec Spec, Dictionary<string, string> Files) Make(Random random)
    {
        var spec = new ImageSpec { Layers = { new ImageLayer { Operation = "from-scratch" } } };
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var (path, content) = ($"/d/f{random.Next(3)}", s_contents[random.Next(s_contents.Length)]);
            files[path] = content;
            spec.Layers.Add(new ImageLayer
            {
                Operation = "add-local-file",
                Arguments = { path },
                Options = { new ImageOption { Name = "copy", Value = "true" } },
                Files = { File(content) },
                ForceBuild = random.Next(12) == 0,
            });
        }

        if (random.Next(3) == 0)
        {
            spec.Layers.Add(new ImageLayer { Operation = "workdir", Arguments = { "/srv/new" } });
            spec.Layers.Add(new ImageLayer { Operation = "add-local-file", Arguments = { "/etc/mounted" }, Files = { File("content 0") } });
            files["/etc/mounted"] = "";
        }

        return (spec, files);
    }

    private static ImageFile File(string content) => new() { Path = "f", Digest = DigestOf(content), SizeBytes = content.Length, Mode = 0b110_100_100 };

    private bool IsLive(Image image) => BuildKey.Of(image.Id, image.Used).IsLive(_time.GetUtcNow());

    // Read out of the store itself, and counting as no use.
    private async Task AssertWholeAsync()
    {
        foreach (var image in _images.Values.Where(i => IsLive(i) || _running.Contains(i.Id)))
        {
            var record = default(byte[]);
            foreach (var key in BuildKey.Readable(image.Id, _time.GetUtcNow()))
            {
                record ??= await ReadAsync(key.ToString());
            }

            Assert.True(record is not null, $"The record of {image.Id} is gone, which was used at {image.Used:u}; it is {_time.GetUtcNow():u}.");
            using var document = JsonDocument.Parse(record);
            var name = document.RootElement.GetProperty("index").GetString()!;
            var bytes = await ReadAsync(ObjectKeys.Index(name));
            Assert.True(bytes is not null, $"The index {name} of {image.Id} is gone, which was used at {image.Used:u}; it is {_time.GetUtcNow():u}.");
            using var index = ImageIndex.Parse(StoredIndex.Read(bytes));
            foreach (var (path, content) in image.Files)
            {
                Assert.Equal(content, await TextAsync(index, path));
            }
        }
    }

    private async Task<string> TextAsync(ImageIndex index, string path)
    {
        var node = index.Find(path);
        Assert.True(node > 0, $"{path} is not in {index.Name}.");
        if (index.GetBlobNumber(node) is not (var number and >= 0))
        {
            return "";
        }

        var blob = index.GetBlob(number);
        var chunk = index.GetChunk(blob.FirstChunk);
        var pack = await ReadAsync(ObjectKeys.Pack(chunk.Pack));
        Assert.True(pack is not null, $"The pack {chunk.Pack} of {index.Name} is gone; it is {_time.GetUtcNow():u}.");
        using var codec = FrameCodec.Rent();
        var bytes = new byte[chunk.SizeBytes];
        Assert.True(codec.TryDecompress(pack.AsSpan((int)chunk.PackOffset, chunk.StoredBytes), bytes));
        return Encoding.UTF8.GetString(bytes, blob.OffsetInChunk, (int)blob.SizeBytes);
    }

    private async Task<byte[]?> ReadAsync(string key)
    {
        if (await _store.GetSizeAsync(key, Cancel) is not { } size)
        {
            return null;
        }

        var bytes = new byte[size];
        return await _store.ReadAsync(key, 0, bytes, Cancel) is null ? null : bytes;
    }

    private sealed class Host(ImageStore store, StoreWorld world)
    {
        public ImageStore Store => store;

        public ImageBuilder Builder { get; } = new(store, new FakeSandbox(), world, new ImageBuilderOptions(), NullLogger<ImageBuilder>.Instance);
    }

    private sealed class Image(string id, ImageSpec spec, Dictionary<string, string> files)
    {
        public string Id => id;

        public ImageSpec Spec => spec;

        public Dictionary<string, string> Files => files;

        public DateTimeOffset Used { get; set; }
    }
}
