using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary><c>Local</c> and <c>LocalAsync</c>: the method itself, in this process.</summary>
internal static class LocalEmitter
{
    public static void EmitStatic(CodeWriter code, FunctionModel function)
    {
        var arguments = string.Join(", ", function.Parameters.Select(p => p.Name));
        code.Lines(function.Docs);
        code.Line($"public {function.Return.DeclaredType} Local({Signatures.DeclareAll(function.Declared)}) => {function.Owner.Global}.{function.EscapedName}({arguments});");
        code.Line();
    }

    public static void EmitService(CodeWriter code, FunctionModel function, List<ParameterModel> sent)
    {
        var token = Signatures.TokenName(sent);
        var parameters = sent.Count == 0 ? "" : Signatures.Declare(function.Declared.Where(p => p.Use is not null)) + ", ";
        var arguments = string.Join(", ", function.Parameters.Select(p => p.Use is null ? token : p.Name));
        var call = $"(({function.Owner.Global})await _instance._local.GetAsync().ConfigureAwait(false)).{function.EscapedName}({arguments})";
        var result = function.DeclaredResult;
        code.Line($"/// <summary>Runs the method in this process, on an instance that the first such call makes and <c>DisposeAsync</c> ends.</summary>");
        if (function.Return.Kind == ReturnKind.Stream)
        {
            code.Open($"public async global::System.Collections.Generic.IAsyncEnumerable<{result}> LocalAsync({parameters}[global::System.Runtime.CompilerServices.EnumeratorCancellation] {Signatures.Token} {token} = default)");
            code.Line($"{token}.ThrowIfCancellationRequested();");
            code.Open($"await foreach (var _item in global::System.Threading.Tasks.TaskAsyncEnumerableExtensions.WithCancellation({call}, {token}).ConfigureAwait(false))");
            code.Line("yield return _item;");
            code.Close();
            code.Close();
            code.Line();
            return;
        }

        code.Open($"public async global::System.Threading.Tasks.Task{(result is null ? "" : $"<{result}>")} LocalAsync({parameters}{Signatures.Token} {token} = default)");
        code.Line($"{token}.ThrowIfCancellationRequested();");
        code.Line(function.Return.Kind switch
        {
            ReturnKind.Void => call + ";",
            ReturnKind.Value => $"return {call};",
            ReturnKind.Awaitable => $"await {call}.ConfigureAwait(false);",
            _ => $"return await {call}.ConfigureAwait(false);",
        });
        code.Close();
        code.Line();
    }
}
