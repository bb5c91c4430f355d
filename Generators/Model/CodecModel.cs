namespace Modal.Generators.Model;

/// <summary>The shapes that need a method of their own.</summary>
internal enum CodecKind
{
    /// <summary>byte[].</summary>
    Bytes,

    /// <summary>A value type or nil.</summary>
    Nullable,

    /// <summary>T[].</summary>
    Array,

    /// <summary>Anything that is enumerated to write and added to when read.</summary>
    Collection,

    /// <summary>Anything of pairs.</summary>
    Dictionary,

    /// <summary>A value tuple.</summary>
    Tuple,

    /// <summary>A map of members.</summary>
    Object,
}

/// <summary>One pair of methods in the generated codecs.</summary>
/// <param name="Type">The type without nullable annotations and tuple names: the identity.</param>
/// <param name="Name">Suffix of the methods' names.</param>
/// <param name="Kind">The shape.</param>
/// <param name="IsReference">Null is possible and travels as nil.</param>
/// <param name="Elements">Element; key and value; tuple elements; empty for objects.</param>
/// <param name="Collection">How a collection is counted and made; null for other kinds.</param>
/// <param name="Members">Members of an object.</param>
/// <param name="ConstructorMembers">Indexes into <paramref name="Members"/> in the order of the constructor's parameters.</param>
internal sealed record CodecModel(
    string Type,
    string Name,
    CodecKind Kind,
    bool IsReference,
    EquatableArray<TypeUse> Elements,
    CollectionModel? Collection,
    EquatableArray<MemberModel> Members,
    EquatableArray<int> ConstructorMembers);

/// <summary>How a collection is counted, made and filled.</summary>
/// <param name="Count">Expression of the count of <c>value</c>; null if it has to be copied to a list first.</param>
/// <param name="Create">Expression that makes the empty one for <c>count</c> elements.</param>
/// <param name="Add">Statement that adds <c>item</c>, or <c>key</c> and <c>item</c>, to <c>result</c>.</param>
/// <param name="Finish">Expression that gives the value from <c>result</c>.</param>
/// <param name="IsReversed">Is enumerated in the reverse order of adding, as a stack is.</param>
/// <param name="DefaultCheck">Expression that tells that <c>value</c> must travel as nil, for value types that can be unset.</param>
/// <param name="KeyMayBeNull">The key is a reference type.</param>
internal sealed record CollectionModel(string? Count, string Create, string Add, string Finish, bool IsReversed, string? DefaultCheck, bool KeyMayBeNull);

/// <summary>How a member is given its value.</summary>
internal enum MemberSetting
{
    /// <summary>By the constructor only.</summary>
    Constructor,

    /// <summary>In the object initializer: required and init-only members.</summary>
    Initializer,

    /// <summary>Afterwards, if it was in the payload.</summary>
    Assignment,
}

/// <summary>A public property or field.</summary>
/// <param name="Name">Unescaped: the key in the map.</param>
/// <param name="Use">How its value travels.</param>
/// <param name="Setting">How it is set; a constructor's required member may be set twice.</param>
/// <param name="Default">C# of the value it gets when the payload lacks it.</param>
internal sealed record MemberModel(string Name, TypeUse Use, MemberSetting Setting, string Default);
