using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The nested <c>Remote</c> class: what the user calls.</summary>
internal static class HandleEmitter
{
    public static void Emit(CodeWriter code, UnitModel unit)
    {
        var statics = unit.Functions.Where(f => f.IsStatic).ToList();
        code.Line($"/// <summary>Handles of the functions of <see cref=\"{unit.Owner.Global}\"/>, which run in containers.</summary>");
        code.Open("public static class Remote");
        foreach (var function in statics)
        {
            var handle = ClassName(function, statics);
            code.Lines(function.Docs);
            code.Line($"{Access(function.IsPublic)} static {handle} {function.EscapedName} {{ get; }} = new();");
            code.Line();
        }

        foreach (var function in statics)
        {
            EmitClass(code, function, ClassName(function, statics), service: false);
        }

        if (unit.Service is { } service)
        {
            EmitService(code, service, [.. unit.Functions.Where(f => !f.IsStatic)]);
        }

        code.Close();
    }

    private static void EmitService(CodeWriter code, ServiceModel service, List<FunctionModel> functions)
    {
        var access = Access(service.IsPublic);
        var type = service.Owner.Global;
        code.Lines(service.Docs);
        code.Line($"{access} static Instance Create({Signatures.Declare(service.Parameters)}) =>");
        code.Line($"    new(global::Modal.PayloadCodec.Encode<{Signatures.ArgumentType(service.Parameters)}>(WriteArguments, {Signatures.ArgumentValue(service.Parameters)}));");
        code.Line();
        code.Open($"private static void WriteArguments(ref {Signatures.Writer} writer, {Signatures.ArgumentType(service.Parameters)} argument)");
        code.Lines(Signatures.WriteArguments(service.Parameters));
        code.Close();
        code.Line();
        code.Line($"/// <summary>One <see cref=\"{type}\"/> with its constructor arguments.</summary>");
        code.Open($"{access} sealed class Instance : global::Modal.ServiceInstance");
        code.Line("private readonly global::Modal.Runtime.LocalInstance _local;");
        code.Line();
        code.Open($"internal Instance(byte[] arguments) : base({Json.String(service.Owner.Name)}, arguments)");
        code.Line($"_local = new global::Modal.Runtime.LocalInstance({Json.String(service.Owner.Name)}, arguments);");
        foreach (var function in functions)
        {
            code.Line($"{function.EscapedName} = new(this);");
        }

        code.Close();
        code.Line();
        foreach (var function in functions)
        {
            code.Lines(function.Docs);
            code.Line($"{Access(function.IsPublic)} {ClassName(function, functions)} {function.EscapedName} {{ get; }}");
            code.Line();
        }

        code.Line("/// <inheritdoc/>");
        code.Line("protected override global::System.Threading.Tasks.ValueTask DisposeCoreAsync() => _local.DisposeAsync();");
        code.Line();
        foreach (var function in functions)
        {
            EmitClass(code, function, ClassName(function, functions), service: true);
        }

        code.Close();
    }

    private static void EmitClass(CodeWriter code, FunctionModel function, string name, bool service)
    {
        var sent = function.Sent.ToList();
        var argument = Signatures.ArgumentType(sent);
        var streams = function.Return.Kind == ReturnKind.Stream;
        var result = function.Return.ResultType ?? Signatures.Unit;
        code.Line($"/// <summary>Handle of <c>{function.FullName}</c>.</summary>");
        code.Open($"{Access(function.IsPublic)} sealed class {name} : global::Modal.{(streams ? "StreamFunction" : "Function")}<{argument}, {result}>");
        if (service)
        {
            code.Line("private readonly Instance _instance;");
            code.Line();
        }

        code.Line(service ? $"internal {name}(Instance instance)" : $"internal {name}()");
        code.Line($"    : base(global::Modal.FunctionTarget.{(service ? "Method(instance, " : "Static(")}{Json.String(function.FullName)}), WriteArgument, ReadResult)");
        code.Line("{");
        if (service)
        {
            code.Line("    _instance = instance;");
        }

        code.Line("}");
        code.Line();
        EmitCall(code, function, sent, result, streams);
        if (!streams)
        {
            EmitSpawn(code, function, sent, result);
        }

        if (service)
        {
            LocalEmitter.EmitService(code, function, sent);
        }
        else
        {
            LocalEmitter.EmitStatic(code, function);
        }

        code.Open($"private static void WriteArgument(ref {Signatures.Writer} writer, {argument} argument)");
        code.Lines(Signatures.WriteArguments(sent));
        code.Close();
        code.Line();
        code.Line($"internal static {result} ReadResult(ref {Signatures.Reader} reader) => {(function.Return.Use is { } use ? use.Read + "!" : "default")};");
        code.Close();
        code.Line();
    }

    private static void EmitCall(CodeWriter code, FunctionModel function, List<ParameterModel> sent, string result, bool streams)
    {
        var token = Signatures.TokenName(sent);
        var returns = streams ? $"global::System.Collections.Generic.IAsyncEnumerable<{result}>"
            : function.Return.ResultType is null ? "global::System.Threading.Tasks.Task"
            : $"global::System.Threading.Tasks.Task<{result}>";
        var parameters = sent.Count == 0 ? "" : Signatures.Declare(sent) + ", ";
        code.Lines(function.Docs);
        // With one parameter it has the base method's signature and replaces it, for the parameter's own name and default.
        code.Line($"public {(sent.Count == 1 ? "new " : "")}{returns} CallAsync({parameters}{Signatures.Token} {token} = default) =>");
        code.Line($"    base.CallAsync({Signatures.ArgumentValue(sent)}, {token});");
        code.Line();
    }

    private static void EmitSpawn(CodeWriter code, FunctionModel function, List<ParameterModel> sent, string result)
    {
        var token = Signatures.TokenName(sent);
        var parameters = sent.Count == 0 ? "" : Signatures.Declare(sent) + ", ";
        code.Line("/// <inheritdoc cref=\"global::Modal.Function{TArgument, TResult}.SpawnAsync\"/>");
        code.Line($"public {(sent.Count == 1 ? "new " : "")}global::System.Threading.Tasks.Task<global::Modal.FunctionCall<{result}>> SpawnAsync({parameters}{Signatures.Token} {token} = default) =>");
        code.Line($"    base.SpawnAsync({Signatures.ArgumentValue(sent)}, {token});");
        code.Line();
    }

    /// <summary>An expression for the decoder of a function's result, for code beside <c>Remote</c>; null if it has none.</summary>
    public static string? Decoder(FunctionModel function, IEnumerable<FunctionModel> siblings) => function.Return.Kind == ReturnKind.Stream || function.Return.Use is null
        ? null
        : $"static () => (global::Modal.PayloadDecoder<{function.Return.ResultType}>)Remote.{(function.IsStatic ? "" : "Instance.")}{ClassName(function, [.. siblings])}.ReadResult";

    private static string ClassName(FunctionModel function, List<FunctionModel> siblings)
    {
        var name = function.Name + "Function";
        while (siblings.Any(s => s.Name == name))
        {
            name += "Handle";
        }

        return name;
    }

    private static string Access(bool isPublic) => isPublic ? "public" : "internal";
}
