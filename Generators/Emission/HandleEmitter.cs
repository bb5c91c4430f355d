using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>One handle class: its codecs, its named CallAsync, its Local, and the invoker that runs the method in a container.</summary>
internal static class HandleEmitter
{
    private const string Context = "global::Modal.Runtime.InvocationContext";
    private const string ValueTask = "global::System.Threading.Tasks.ValueTask";
    private const string Token = "global::System.Threading.CancellationToken";

    public static string ClassName(FunctionModel function) => function.Method.TrimStart('@') + "Function";

    public static void Emit(CodeWriter code, FunctionModel function, string owner)
    {
        var sent = function.Parameters.Where(p => !p.IsCancellationToken).ToList();
        var argument = ArgumentType(sent);
        var result = function.Result?.Annotated ?? "global::Modal.Unit";
        var baseType = function.Returns == ReturnKind.Stream ? $"global::Modal.StreamFunction<{argument}, {result}>" : $"global::Modal.Function<{argument}, {result}>";
        var access = function.IsPublic ? "public" : "internal";
        var name = ClassName(function);

        code.Lines(function.Documentation);
        code.Open($"{access} sealed class {name} : {baseType}");
        if (function.IsStatic)
        {
            code.Open($"internal {name}() : base(global::Modal.FunctionTarget.Static({Json.String(function.FullName)}), EncodeArguments, DecodeResult)").Close().Line();
        }
        else
        {
            code.Line("private readonly Instance _service;").Line();
            code.Open($"internal {name}(Instance service) : base(global::Modal.FunctionTarget.Method(service, {Json.String(function.FullName)}), EncodeArguments, DecodeResult)").Line("_service = service;").Close().Line();
        }

        EmitCall(code, function, sent, argument, result);
        EmitLocal(code, function, owner);
        EmitInvoke(code, function, sent, owner);
        EmitEncode(code, sent, argument);
        code.Open($"private static {result} DecodeResult(ref global::Modal.Serialization.PayloadReader reader)")
            .Line(function.Result is null ? "return default;" : $"return {Codecs.Read(function.Result)};").Close();
        code.Close();
    }

    /// <summary>Statements that read arguments into locals named as the parameters are.</summary>
    public static void EmitArguments(CodeWriter code, IReadOnlyList<ParameterModel> sent, string bytes, string what)
    {
        var required = sent.TakeWhile(p => p.Default is null).Count();
        code.Line($"var reader = new global::Modal.Serialization.PayloadReader({bytes});").Line("var argumentCount = reader.ReadArrayHeader();");
        code.Open($"if (argumentCount < {required} || argumentCount > {sent.Count})")
            .Line($"throw new global::Modal.Serialization.PayloadException($\"{what} takes {(required == sent.Count ? "" : $"{required} to ")}{sent.Count} arguments, but {{argumentCount}} were sent.\");").Close();
        for (var i = 0; i < sent.Count; i++)
        {
            var read = Codecs.Read(sent[i].Type);
            code.Line(sent[i].Default is { } value
                ? $"{sent[i].Type.Annotated} argument{i} = argumentCount > {i} ? {read} : {Default(sent[i], value)};"
                : $"{sent[i].Type.Annotated} argument{i} = {read};");
        }
    }

    public static string ArgumentType(IReadOnlyList<ParameterModel> sent) => sent.Count switch
    {
        0 => "global::Modal.Unit",
        1 => sent[0].Type.Annotated,
        _ => $"({string.Join(", ", sent.Select(p => $"{p.Type.Annotated} {p.Name}"))})",
    };

    public static string Declaration(ParameterModel parameter) =>
        $"{parameter.Type.Annotated} {parameter.Name}{(parameter.Default is { } value ? $" = {Default(parameter, value)}" : "")}";

    private static string Default(ParameterModel parameter, string value) =>
        value == "default" && parameter.Type is { IsNullableReference: false, Codec: CodecKind.String or CodecKind.Generated or CodecKind.Bytes } ? "default!" : value;

    private static void EmitCall(CodeWriter code, FunctionModel function, List<ParameterModel> sent, string argument, string result)
    {
        var token = sent.Any(p => p.Name == "cancellationToken") ? "callCancellation" : "cancellationToken";
        var returns = function.Returns switch
        {
            ReturnKind.Stream => $"global::System.Collections.Generic.IAsyncEnumerable<{result}>",
            ReturnKind.Value => $"global::System.Threading.Tasks.Task<{result}>",
            _ => "global::System.Threading.Tasks.Task",
        };
        var parameters = sent.Select(Declaration).Append($"{Token} {token} = default");
        var value = sent.Count switch { 0 => "default", 1 => sent[0].Name, _ => $"({string.Join(", ", sent.Select(p => p.Name))})" };

        // Only a single parameter gives the base class's own signature.
        code.Lines(function.Documentation).Line($"public {(sent.Count == 1 ? "new " : "")}{returns} CallAsync({string.Join(", ", parameters)}) => base.CallAsync({value}, {token});").Line();
    }

    private static void EmitLocal(CodeWriter code, FunctionModel function, string owner)
    {
        var parameters = string.Join(", ", function.Parameters.Select(Declaration));
        var call = $"{function.Method}({string.Join(", ", function.Parameters.Select(p => p.Name))})";
        if (function.IsStatic)
        {
            code.Line("/// <summary>Runs the method in this process.</summary>").Line($"public {function.DeclaredReturn} Local({parameters}) => {owner}.{call};").Line();
            return;
        }

        code.Line("/// <summary>Runs the method in this process, on an instance that is made and entered at the first local call and exited when the handle of the service is disposed.</summary>");
        switch (function.Returns)
        {
            case ReturnKind.Stream:
                code.Open($"public async {function.DeclaredReturn} LocalAsync({parameters})");
                code.Line("var instance = await _service.Local.GetAsync().ConfigureAwait(false);");
                code.Open($"await foreach (var item in instance.{call}.ConfigureAwait(false))").Line("yield return item;").Close().Close().Line();
                break;
            case ReturnKind.Value:
                code.Open($"public async global::System.Threading.Tasks.Task<{function.Result!.Annotated}> LocalAsync({parameters})").Line("var instance = await _service.Local.GetAsync().ConfigureAwait(false);");
                code.Line(function.Awaits == AwaitKind.None ? $"return instance.{call};" : $"return await instance.{call}.ConfigureAwait(false);").Close().Line();
                break;
            default:
                code.Open($"public async global::System.Threading.Tasks.Task LocalAsync({parameters})").Line("var instance = await _service.Local.GetAsync().ConfigureAwait(false);");
                code.Line(function.Awaits == AwaitKind.None ? $"instance.{call};" : $"await instance.{call}.ConfigureAwait(false);").Close().Line();
                break;
        }
    }

    private static void EmitInvoke(CodeWriter code, FunctionModel function, List<ParameterModel> sent, string owner)
    {
        var receiver = function.IsStatic ? owner : $"(({owner})context.Instance!)";
        var arguments = function.Parameters.Select(p => p.IsCancellationToken ? "context.CancellationToken" : $"argument{sent.IndexOf(p)}");
        var call = $"{receiver}.{function.Method}({string.Join(", ", arguments)})";
        code.Open($"internal static {ValueTask} Invoke({Context} context)");
        EmitArguments(code, sent, "context.Arguments.Span", function.FullName);
        var type = function.Result?.Annotated;
        switch (function.Returns, function.Awaits)
        {
            case (ReturnKind.Nothing, AwaitKind.None):
                code.Line($"{call};").Line("return default;");
                break;
            case (ReturnKind.Nothing, AwaitKind.ValueTask):
                code.Line($"return {call};");
                break;
            case (ReturnKind.Nothing, _):
                code.Line($"return new {ValueTask}({call});");
                break;
            case (ReturnKind.Value, AwaitKind.None):
                code.Line($"WriteResult(context, {call});").Line("return default;");
                break;
            default:
                code.Line($"return FinishAsync(context, {call});");
                break;
        }

        code.Close().Line();
        if (function.Returns == ReturnKind.Nothing)
        {
            return;
        }

        if (function.Returns == ReturnKind.Stream)
        {
            code.Open($"private static async {ValueTask} FinishAsync({Context} context, {function.DeclaredReturn} items)");
            code.Open("await foreach (var item in global::System.Threading.Tasks.TaskAsyncEnumerableExtensions.WithCancellation(items, context.CancellationToken).ConfigureAwait(false))")
                .Line("WriteResult(context, item);").Line("await context.YieldAsync().ConfigureAwait(false);").Close().Close().Line();
        }
        else if (function.Awaits != AwaitKind.None)
        {
            code.Open($"private static async {ValueTask} FinishAsync({Context} context, {function.DeclaredReturn} task)").Line("WriteResult(context, await task.ConfigureAwait(false));").Close().Line();
        }

        code.Open($"private static void WriteResult({Context} context, {type} value)").Line("var writer = new global::Modal.Serialization.PayloadWriter(context.Output);")
            .Line(Codecs.Write(function.Result!, "value")).Line("writer.Flush();").Close().Line();
    }

    private static void EmitEncode(CodeWriter code, List<ParameterModel> sent, string argument)
    {
        code.Open($"private static void EncodeArguments(ref global::Modal.Serialization.PayloadWriter writer, {argument} argument)").Line($"writer.WriteArrayHeader({sent.Count});");
        for (var i = 0; i < sent.Count; i++)
        {
            code.Line(Codecs.Write(sent[i].Type, sent.Count == 1 ? "argument" : $"argument.{sent[i].Name}"));
        }

        code.Close().Line();
    }
}
