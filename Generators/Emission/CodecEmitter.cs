using System.Text;
using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The assembly's codecs: one pair of methods per type. Nullable annotations are off in this file, because nil may stand for every reference.</summary>
internal static class CodecEmitter
{
    public static string Emit(IEnumerable<CodecModel> codecs)
    {
        var code = CodeWriter.ForFile(nullable: false);
        code.Line("namespace Modal.Generated;");
        code.Line();
        code.Open("internal static class Codecs");
        foreach (var codec in codecs)
        {
            code.Open($"internal static void Write{codec.Name}(ref {Signatures.Writer} writer, {codec.Type} value)");
            EmitWrite(code, codec);
            code.Close();
            code.Line();
            code.Open($"internal static {codec.Type} Read{codec.Name}(ref {Signatures.Reader} reader)");
            EmitRead(code, codec);
            code.Close();
            code.Line();
        }

        code.Close();
        return code.ToString();
    }

    private static void EmitWrite(CodeWriter code, CodecModel codec)
    {
        var unset = codec.Collection?.DefaultCheck ?? (codec.IsReference || codec.Kind == CodecKind.Nullable ? "value is null" : null);
        if (unset is not null)
        {
            code.Open($"if ({unset})");
            code.Line("writer.WriteNil();");
            code.Line("return;");
            code.Close();
            code.Line();
        }

        switch (codec.Kind)
        {
            case CodecKind.Bytes:
                code.Line("writer.WriteBytes(value);");
                return;
            case CodecKind.Nullable:
                code.Line(Write(codec.Elements[0], "value.GetValueOrDefault()"));
                return;
        }

        code.Line("writer.Enter();");
        switch (codec.Kind)
        {
            case CodecKind.Array:
                code.Line("writer.WriteArrayHeader(value.Length);");
                code.Open("foreach (var item in value)");
                code.Line(Write(codec.Elements[0], "item"));
                code.Close();
                break;
            case CodecKind.Tuple:
                code.Line($"writer.WriteArrayHeader({codec.Elements.Count});");
                code.Lines(codec.Elements.Select((e, i) => Write(e, $"value.Item{i + 1}")));
                break;
            case CodecKind.Object:
                code.Line($"writer.WriteMapHeader({codec.Members.Count});");
                foreach (var member in codec.Members)
                {
                    code.Line($"writer.WriteRaw([{EncodedKey(member.Name)}]); // {member.Name}");
                    code.Line(Write(member.Use, "value." + Escape(member.Name)));
                }

                break;
            default:
                EmitWriteCollection(code, codec);
                break;
        }

        code.Line("writer.Leave();");
    }

    private static void EmitWriteCollection(CodeWriter code, CodecModel codec)
    {
        var collection = codec.Collection!;
        var isMap = codec.Kind == CodecKind.Dictionary;
        var source = "value";
        var count = collection.Count;
        if (count is null)
        {
            var element = isMap ? $"global::System.Collections.Generic.KeyValuePair<{codec.Elements[0].Type}, {codec.Elements[1].Type}>" : codec.Elements[0].Type;
            code.Line($"var items = new global::System.Collections.Generic.List<{element}>(value);");
            (source, count) = ("items", "items.Count");
        }

        code.Line($"var left = {count};");
        code.Line($"writer.Write{(isMap ? "Map" : "Array")}Header(left);");
        code.Open($"foreach (var item in {(collection.IsReversed ? $"global::System.Linq.Enumerable.Reverse({source})" : source)})");
        code.Line("left--;");
        if (isMap)
        {
            code.Line(Write(codec.Elements[0], "item.Key"));
        }

        code.Line(Write(codec.Elements[codec.Elements.Count - 1], isMap ? "item.Value" : "item"));
        code.Close();
        code.Line();
        code.Open("if (left != 0)");
        code.Line("throw new global::Modal.Serialization.PayloadException(\"A collection changed while it was written.\");");
        code.Close();
        code.Line();
    }

    private static void EmitRead(CodeWriter code, CodecModel codec)
    {
        if (codec.IsReference || codec.Kind == CodecKind.Nullable || codec.Collection?.DefaultCheck is not null)
        {
            code.Open("if (reader.TryReadNil())");
            code.Line("return default;");
            code.Close();
            code.Line();
        }

        switch (codec.Kind)
        {
            case CodecKind.Bytes:
                code.Line("return reader.ReadBytes().ToArray();");
                return;
            case CodecKind.Nullable:
                code.Line($"return {codec.Elements[0].Read};");
                return;
        }

        code.Line("reader.Enter();");
        switch (codec.Kind)
        {
            case CodecKind.Array:
                code.Line("var count = reader.ReadArrayHeader();");
                code.Line($"var result = {NewArray(codec.Type)};");
                code.Open("for (var i = 0; i < count; i++)");
                code.Line($"result[i] = {codec.Elements[0].Read};");
                code.Close();
                code.Line();
                code.Line("reader.Leave();");
                code.Line("return result;");
                break;
            case CodecKind.Tuple:
                code.Line($"reader.ReadArrayHeader({codec.Elements.Count});");
                code.Lines(codec.Elements.Select((e, i) => $"var item{i + 1} = {e.Read};"));
                code.Line("reader.Leave();");
                var items = string.Join(", ", codec.Elements.Select((_, i) => $"item{i + 1}"));
                code.Line(codec.Elements.Count > 1 ? $"return ({items});" : $"return new {codec.Type}({items});");
                break;
            case CodecKind.Object:
                EmitReadObject(code, codec);
                break;
            default:
                EmitReadCollection(code, codec);
                break;
        }
    }

    private static void EmitReadCollection(CodeWriter code, CodecModel codec)
    {
        var collection = codec.Collection!;
        var isMap = codec.Kind == CodecKind.Dictionary;
        code.Line($"var count = reader.Read{(isMap ? "Map" : "Array")}Header();");
        code.Line($"var result = {collection.Create};");
        code.Open("for (var i = 0; i < count; i++)");
        if (isMap)
        {
            code.Line($"var key = {codec.Elements[0].Read};");
            if (collection.KeyMayBeNull)
            {
                code.Open("if (key is null)");
                code.Line("throw new global::Modal.Serialization.PayloadException(\"Found nil as the key of a dictionary.\");");
                code.Close();
                code.Line();
            }
        }

        code.Line($"var item = {codec.Elements[codec.Elements.Count - 1].Read};");
        code.Line(collection.Add + ";");
        code.Close();
        code.Line();
        code.Line("reader.Leave();");
        code.Line($"return {collection.Finish};");
    }

    private static void EmitReadObject(CodeWriter code, CodecModel codec)
    {
        code.Line("var count = reader.ReadMapHeader();");
        for (var i = 0; i < codec.Members.Count; i++)
        {
            code.Line($"{codec.Members[i].Use.Type} member{i} = {codec.Members[i].Default};");
            if (codec.Members[i].Setting == MemberSetting.Assignment)
            {
                code.Line($"var has{i} = false;");
            }
        }

        code.Open("for (var i = 0; i < count; i++)");
        code.Line("var key = reader.ReadUtf8();");
        for (var i = 0; i < codec.Members.Count; i++)
        {
            var member = codec.Members[i];
            code.Open($"{(i == 0 ? "" : "else ")}if (global::System.MemoryExtensions.SequenceEqual(key, \"{member.Name}\"u8))");
            code.Line($"member{i} = {member.Use.Read};");
            if (member.Setting == MemberSetting.Assignment)
            {
                code.Line($"has{i} = true;");
            }

            code.Close();
        }

        if (codec.Members.Count == 0)
        {
            code.Line("reader.Skip();");
        }
        else
        {
            // A member that this version of the type does not have.
            code.Open("else");
            code.Line("reader.Skip();");
            code.Close();
        }

        code.Close();
        code.Line();
        code.Line("reader.Leave();");
        var initializer = string.Join(", ", codec.Members.Select((m, i) => (m, i))
            .Where(x => x.m.Setting == MemberSetting.Initializer)
            .Select(x => $"{Escape(x.m.Name)} = member{x.i}"));
        code.Line($"var result = new {codec.Type}({string.Join(", ", codec.ConstructorMembers.Select(i => $"member{i}"))}){(initializer.Length > 0 ? $" {{ {initializer} }}" : "")};");
        for (var i = 0; i < codec.Members.Count; i++)
        {
            if (codec.Members[i].Setting == MemberSetting.Assignment)
            {
                // What the payload lacks keeps the value that the constructor gave it.
                code.Open($"if (has{i})");
                code.Line($"result.{Escape(codec.Members[i].Name)} = member{i};");
                code.Close();
                code.Line();
            }
        }

        code.Line("return result;");
    }

    private static string Write(TypeUse use, string value) => Signatures.Format(use.Write, value) + ";";

    private static string Escape(string name) => Parsing.TypeNames.Escape(name);

    private static string NewArray(string type)
    {
        var root = type;
        while (root.EndsWith("[]", StringComparison.Ordinal))
        {
            root = root.Substring(0, root.Length - 2);
        }

        return $"new {root}[count]{type.Substring(root.Length + 2)}";
    }

    /// <summary>The bytes of a MessagePack string: known when the code is generated, so the run-time copies them instead of encoding.</summary>
    private static string EncodedKey(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        IEnumerable<byte> header = bytes.Length < 32 ? [(byte)(0xa0 | bytes.Length)]
            : bytes.Length < 256 ? [0xd9, (byte)bytes.Length]
            : [0xda, (byte)(bytes.Length >> 8), (byte)bytes.Length];
        return string.Join(", ", header.Concat(bytes));
    }
}
