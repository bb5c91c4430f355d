using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>Expressions that write and read a value of a referenced type.</summary>
internal static class Codecs
{
    public const string Class = "global::Modal.Generated.Codecs";
    private const string WellKnown = "global::Modal.Serialization.WellKnownCodecs";

    /// <summary>A statement that writes <paramref name="value"/>.</summary>
    public static string Write(TypeReference type, string value) => type.Codec switch
    {
        CodecKind.Boolean or CodecKind.Single or CodecKind.Double or CodecKind.String => $"writer.Write({value});",
        CodecKind.Signed => $"writer.Write((long){value});",
        CodecKind.Unsigned => $"writer.Write((ulong){value});",
        CodecKind.Enum => IsUnsigned(type.Underlying) ? $"writer.Write((ulong){value});" : $"writer.Write((long){value});",
        CodecKind.Bytes => $"{{ if ({value} is null) {{ writer.WriteNil(); }} else {{ writer.WriteBytes({value}); }} }}",
        CodecKind.Memory or CodecKind.ReadOnlyMemory => $"writer.WriteBytes({value}.Span);",
        CodecKind.WellKnown => $"{WellKnown}.Write{type.Underlying}(ref writer, {value});",
        _ => $"{Class}.Write_{type.Underlying}(ref writer, {value});",
    };

    /// <summary>An expression that reads a value. References come as not null; what nil means for them is up to the reader's code, as in all of C#.</summary>
    public static string Read(TypeReference type) => type.Codec switch
    {
        CodecKind.Boolean => "reader.ReadBoolean()",
        CodecKind.Single => "reader.ReadSingle()",
        CodecKind.Double => "reader.ReadDouble()",
        CodecKind.String => type.IsNullableReference ? "reader.ReadString()" : "reader.ReadString()!",
        CodecKind.Signed or CodecKind.Unsigned => Integer(type.Underlying),
        CodecKind.Enum => $"({type.Name}){Integer(type.Underlying)}",
        CodecKind.Bytes => $"(reader.TryReadNil() ? null{(type.IsNullableReference ? "" : "!")} : reader.ReadBytes().ToArray())",
        CodecKind.Memory => "(global::System.Memory<byte>)reader.ReadBytes().ToArray()",
        CodecKind.ReadOnlyMemory => "(global::System.ReadOnlyMemory<byte>)reader.ReadBytes().ToArray()",
        CodecKind.WellKnown => $"{WellKnown}.Read{type.Underlying}(ref reader){(type.Underlying is "Uri" or "Version" && !type.IsNullableReference ? "!" : "")}",
        _ => $"{Class}.Read_{type.Underlying}(ref reader)",
    };

    private static bool IsUnsigned(string integer) => integer is "byte" or "ushort" or "uint" or "ulong";

    private static string Integer(string type) => type switch
    {
        "int" => "reader.ReadInt32()",
        "long" => "reader.ReadInt64()",
        "ulong" => "reader.ReadUInt64()",
        _ => $"({type})reader.ReadInteger({type}.MinValue, {type}.MaxValue)",
    };
}
