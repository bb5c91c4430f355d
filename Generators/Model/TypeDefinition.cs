namespace Modal.Generators.Model;

/// <summary>A type that gets codec methods of its own.</summary>
/// <param name="Name">As <see cref="TypeReference.Name"/>.</param>
/// <param name="Suffix">Suffix of its methods.</param>
/// <param name="Shape">What it is.</param>
/// <param name="Construct">For collections the type to make; else empty.</param>
/// <param name="IsReference">Can be null.</param>
/// <param name="Elements">Element types of a nullable, collection, dictionary (key, value) or tuple.</param>
/// <param name="Members">Members of an object.</param>
internal sealed record TypeDefinition(
    string Name, string Suffix, TypeShape Shape, string Construct, bool IsReference, EquatableArray<TypeReference> Elements, EquatableArray<MemberModel> Members);

/// <summary>What a defined type is.</summary>
internal enum TypeShape
{
    Nullable,
    Array,

    /// <summary>Made empty and filled by Add; has Count.</summary>
    Collection,

    /// <summary>As a collection, but only enumerable: counted by copying.</summary>
    Enumerable,
    Queue,
    Stack,
    ImmutableArray,
    ImmutableList,
    Dictionary,
    Tuple,
    KeyValuePair,
    Object,
}

/// <summary>A member of an object.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Restore">How it gets its value back.</param>
/// <param name="ConstructorIndex">Position of its constructor parameter, or -1.</param>
/// <param name="Default">For a constructor parameter with a default, that default in C#; else empty.</param>
internal sealed record MemberModel(string Name, TypeReference Type, MemberRestore Restore, int ConstructorIndex, string Default);

internal enum MemberRestore
{
    Constructor,
    Set,
    Initializer,
}
