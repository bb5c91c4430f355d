using FsCheck;
using FsCheck.Fluent;
using Modal.Backend.ImageFs.Tests.Testing;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Digests;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Tracing;

public sealed class AccessTraceTests
{
    private static readonly Digest s_image = Digest.Of("image"u8);

    [Fact]
    public void Parse_WhatWriteMade_IsTheSame() => Check.QuickThrowOnFailure(Prop.ForAll<(int, int)[]>(pairs =>
    {
        var entries = pairs.Select(p => new TraceEntry(p.Item1 & int.MaxValue, p.Item2 & int.MaxValue)).ToArray();

        var read = AccessTrace.Parse(new AccessTrace(s_image, entries).Write());

        return read.ImageId == s_image && read.Entries.SequenceEqual(entries);
    }));

    [Fact]
    public void Parse_AnyChange_IsRefusedOrAnotherTrace()
    {
        var bytes = new AccessTrace(s_image, [.. Enumerable.Range(0, 50).Select(i => new TraceEntry(i * 7 % 31, i))]).Write();
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var changed = bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length)).ToArray();
            for (var n = 0; n < 3 && changed.Length > 0; n++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            try
            {
                Assert.All(AccessTrace.Parse(changed).Entries, e => Assert.True(e is { Node: >= 0, Chunk: >= 0 }));
            }
            catch (InvalidDataException)
            {
            }
        }

        Assert.Throws<InvalidDataException>(() => AccessTrace.Parse(bytes.AsSpan(0, bytes.Length - 1)));
        Assert.Throws<InvalidDataException>(() => AccessTrace.Parse([.. bytes, 0]));
    }

    [Fact]
    public void Merge_StartsThatDiffer_KeepsAllAndOrdersByHowEarly()
    {
        TraceEntry a = new(1, 0), b = new(2, 0), c = new(3, 0), d = new(4, 1);

        var merged = AccessTrace.Merge([new(s_image, [a, b, c]), new(s_image, [a, c]), new(s_image, [a, b, c, d])]);

        Assert.Equal([a, c, b, d], merged.Entries);
        Assert.Throws<ArgumentException>(() => AccessTrace.Merge([new(s_image, []), new(Digest.Of("other"u8), [])]));
        Assert.Throws<ArgumentException>(() => AccessTrace.Merge([]));
    }

    [Fact]
    public async Task FindChunks_FilesThatShareAChunk_NameItOnceAndIgnoreWhatIsNotThere()
    {
        var (index, _, _) = await TestImage.FromFilesAsync(("a", "aa"u8.ToArray()), ("b", "bb"u8.ToArray()), ("large", TestImage.Bytes(1_200_000)));
        var large = index.GetBlob(index.GetBlobNumber(index.Find("large"))).FirstChunk;
        var small = index.GetBlob(index.GetBlobNumber(index.Find("a"))).FirstChunk;
        var trace = new AccessTrace(index.Id, [new(index.Find("large"), 2), new(index.Find("a"), 0), new(index.Find("b"), 0), new(index.Find("large"), 0), new(index.Find("large"), 3), new(0, 0), new(99, 0)]);

        var chunks = trace.FindChunks(index);

        Assert.Equal([large + 2, small, large], chunks);
        Assert.Throws<ArgumentException>(() => new AccessTrace(s_image, []).FindChunks(index));
    }
}
