using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Modal.Serialization;
using Xunit;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Holds for every value that MessagePack can hold, nested arrays and maps with it.</summary>
public sealed class TreeTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true);

    [Fact]
    public void Write_AnyValue_IsReadBackWhole() => Always(tree => Payloads.Decode(tree.Bytes, (ref PayloadReader r) => Tree.IsNext(ref r, tree.Root)));

    [Fact]
    public void Write_AnyValue_IsByteForByteWhatThePeerWrites() => Always(tree => tree.Bytes.AsSpan().SequenceEqual(tree.PeerBytes));

    [Fact]
    public void Read_WhatThePeerWrote_IsTheValue() => Always(tree => Payloads.Decode(tree.PeerBytes, (ref PayloadReader r) => Tree.IsNext(ref r, tree.Root)));

    [Fact]
    public void Skip_AnyValue_EndsWhereThePeerEnds() => Always(tree =>
    {
        byte[] bytes = [.. tree.Bytes, 0xc3, 0xc1];
        var reader = new PayloadReader(bytes);
        var peer = new MessagePack.MessagePackReader(bytes);

        reader.Skip();
        peer.Skip();

        return reader.Position == bytes.Length - 2 && peer.Consumed == reader.Position && reader.ReadBoolean() && !reader.End;
    });

    [Fact]
    public void Skip_ValueCutShort_ThrowsPayloadException() => Prop.ForAll(Tree.Any, Integers.UpTo(int.MaxValue).ToArbitrary(), (tree, cut) =>
    {
        var reader = new PayloadReader(tree.Bytes.AsSpan(0, (int)(cut % tree.Bytes.Length)));
        try
        {
            reader.Skip();
            return false;
        }
        catch (PayloadException)
        {
            return true;
        }
    }).Check(s_config);

    [Fact]
    public void Write_BufferThatGivesNoMoreThanAsked_GivesTheSameBytes() => Prop.ForAll(Tree.Any, Gen.Choose(0, 300).ToArbitrary(), (tree, before) =>
    {
        var tight = new TightBuffer();
        var writer = new PayloadWriter(tight);
        for (var i = 0; i < before; i++)
        {
            writer.WriteNil();
        }

        Tree.Write(ref writer, tree.Root);
        writer.Flush();
        writer.Flush();

        return tight.Written.AsSpan(before).SequenceEqual(tree.Bytes);
    }).Check(s_config);

    [Fact]
    public void WriteRaw_EncodedValue_IsAsIfWritten() => Prop.ForAll(Tree.Any, Tree.Any, (first, second) =>
        Payloads.Encode((ref PayloadWriter w) =>
        {
            w.WriteArrayHeader(2);
            w.WriteRaw(first.Bytes);
            w.WriteRaw(second.Bytes);
        }).AsSpan().SequenceEqual(new Tree(new[] { first.Root, second.Root }).Bytes)).Check(s_config);

    private static void Always(Func<Tree, bool> holds) => Prop.ForAll(Tree.Any, holds).Check(s_config);

    // Spans end where the writer asked, so that every kind of value comes to lie across an end.
    private sealed class TightBuffer : IBufferWriter<byte>
    {
        private readonly List<byte> _written = [];
        private byte[] _lent = [];

        public byte[] Written => [.. _written];

        public void Advance(int count)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _lent.Length);
            _written.AddRange(_lent.AsSpan(0, count));
            _lent = [];
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _lent = new byte[Math.Max(sizeHint, 1)];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
