using FsCheck;
using FsCheck.Fluent;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Generators over whole ranges: FsCheck's own stay near zero.</summary>
internal static class Integers
{
    private static readonly Gen<ulong> s_uniform = Gen.Choose(0, ushort.MaxValue).ArrayOf(4).Select(p => p.Aggregate(0UL, (v, part) => (v << 16) | (uint)part));

    /// <summary>Any 64 bits: uniform ones, small ones, and those beside a power of two, where the forms of an integer change.</summary>
    public static Gen<ulong> Bits { get; } = Gen.OneOf(
        s_uniform,
        Gen.Choose(0, 300).Select(v => (ulong)v),
        from shift in Gen.Choose(0, 63) from delta in Gen.Choose(-2, 2) select unchecked((1UL << shift) + (ulong)delta),
        from shift in Gen.Choose(0, 63) from delta in Gen.Choose(-2, 2) select unchecked(0UL - (1UL << shift) + (ulong)delta));

    public static Gen<long> Any { get; } = Bits.Select(v => unchecked((long)v));

    /// <summary>From 0 to a highest one, both often.</summary>
    public static Gen<long> UpTo(long maximum) =>
        Gen.OneOf(Gen.Elements(new[] { 0L, 1L, maximum - 1, maximum }), s_uniform.Select(v => (long)(v % ((ulong)maximum + 1))));
}
