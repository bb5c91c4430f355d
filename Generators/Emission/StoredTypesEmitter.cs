using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The file that registers codecs of what dicts and queues store.</summary>
internal static class StoredTypesEmitter
{
    public static string Emit(IReadOnlyList<StoredTypeModel> types)
    {
        var code = CodeWriter.ForFile(nullable: false);
        code.Line("namespace Modal.Generated;");
        code.Line();
        code.Open("internal static class StoredTypes");
        code.Line("[global::System.Runtime.CompilerServices.ModuleInitializer]");
        code.Open("internal static void Initialize()");
        for (var i = 0; i < types.Count; i++)
        {
            code.Line($"global::Modal.PayloadCodec.Register<{types[i].Use.Type}>(Write{i}, Read{i});");
        }

        code.Close();
        for (var i = 0; i < types.Count; i++)
        {
            var use = types[i].Use;
            code.Line();
            code.Line($"private static void Write{i}(ref {Signatures.Writer} writer, {use.Type} value) => {Signatures.Format(use.Write, "value")};");
            code.Line();
            code.Line($"private static {use.Type} Read{i}(ref {Signatures.Reader} reader) => {use.Read};");
        }

        code.Close();
        return code.ToString();
    }
}
