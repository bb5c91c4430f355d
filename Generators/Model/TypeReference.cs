namespace Modal.Generators.Model;

/// <summary>A type where it is used.</summary>
/// <param name="Name">Its name in C#, <c>global::</c> qualified, without nullability of references: the key of its definition.</param>
/// <param name="Annotated">The same with nullability, for signatures.</param>
/// <param name="Codec">How it is written and read.</param>
/// <param name="Underlying">For <see cref="CodecKind.Enum"/> the integer behind it; for <see cref="CodecKind.Generated"/> the suffix of its codec's methods; else empty.</param>
/// <param name="IsNullableReference">The reference may be null by its annotation.</param>
/// <param name="IsPublic">It and all that it is made of can be seen from other assemblies.</param>
internal sealed record TypeReference(string Name, string Annotated, CodecKind Codec, string Underlying, bool IsNullableReference, bool IsPublic);

/// <summary>How a type is written and read.</summary>
internal enum CodecKind
{
    Boolean,
    Signed,
    Unsigned,
    Single,
    Double,
    String,
    Enum,
    Bytes,
    Memory,
    ReadOnlyMemory,

    /// <summary>By the method of WellKnownCodecs that <see cref="TypeReference.Underlying"/> names.</summary>
    WellKnown,

    /// <summary>By methods made for it.</summary>
    Generated,
}
