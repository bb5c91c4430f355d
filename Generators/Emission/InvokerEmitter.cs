using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>What the container runs: decode, call, await, encode. Inside the user's type, so that private methods work.</summary>
internal static class InvokerEmitter
{
    private const string Context = "global::Modal.Runtime.InvocationContext";
    private const string ValueTask = "global::System.Threading.Tasks.ValueTask";

    public static void Emit(CodeWriter code, FunctionModel function)
    {
        var sent = function.Sent.ToList();
        var target = function.IsStatic ? function.Owner.Global : $"(({function.Owner.Global})context.Instance!)";
        var arguments = function.Batch is { } b
            ? string.Join(", ", function.Parameters.Select(p => p.Use is null ? "context.CancellationToken" : b.Argument))
            : Signatures.CallArguments(function.Parameters, "context.CancellationToken");
        var call = $"{target}.{function.EscapedName}({arguments})";
        code.Open($"private static {ValueTask} Invoke{function.Name}({Context} context)");
        if (function.Batch is { } batch)
        {
            code.Line($"var elements = new {batch.List}(context.Batch.Count);");
            code.Open("foreach (var arguments in context.Batch)");
            code.Line($"elements.Add(Read{function.Name}(arguments));");
            code.Close();
            code.Line();
        }
        else
        {
            code.Lines(Signatures.ReadArguments(sent, "context.Arguments", function.FullName));
        }

        switch (function.Return.Kind)
        {
            case ReturnKind.Void:
                code.Line(call + ";");
                code.Line("return default;");
                break;
            case ReturnKind.Value:
                code.Line($"Write{function.Name}(context, {call});");
                code.Line("return default;");
                break;
            case ReturnKind.Awaitable:
                code.Line(function.Return.DeclaredType.EndsWith("ValueTask", StringComparison.Ordinal) ? $"return {call};" : $"return new {ValueTask}({call});");
                break;
            case ReturnKind.AwaitableValue:
                // A task that has ended already costs no state machine.
                code.Line($"var task = {call};");
                code.Open("if (task.IsCompletedSuccessfully)");
                code.Line($"Write{function.Name}(context, task.Result);");
                code.Line("return default;");
                code.Close();
                code.Line();
                code.Line($"return Finish{function.Name}(context, task);");
                break;
            default:
                code.Line($"return Finish{function.Name}(context, {call});");
                break;
        }

        code.Close();
        code.Line();
        EmitFinish(code, function);
        if (function.Batch is not null)
        {
            EmitBatch(code, function, sent, function.Batch);
        }
        else if (function.Return.Use is { } use)
        {
            code.Open($"private static void Write{function.Name}({Context} context, {function.Return.ResultType} result)");
            code.Line($"var writer = new {Signatures.Writer}(context.Output);");
            code.Line(Signatures.Format(use.Write, "result") + ";");
            code.Line("writer.Flush();");
            code.Close();
            code.Line();
        }
    }

    private static void EmitBatch(CodeWriter code, FunctionModel function, List<ParameterModel> sent, BatchModel batch)
    {
        code.Open($"private static {sent[0].Type} Read{function.Name}(global::System.ReadOnlyMemory<byte> arguments)");
        code.Lines(Signatures.ReadArguments(sent, "arguments", function.FullName));
        code.Line("return a0;");
        code.Close();
        code.Line();
        code.Open($"private static void Write{function.Name}({Context} context, {batch.Results} results)");
        code.Line($"context.CheckBatch({Json.String(function.FullName)}, results?.{batch.Count});");
        code.Open("foreach (var result in results!)");
        code.Line($"var writer = new {Signatures.Writer}(context.Output);");
        code.Line(Signatures.Format(function.Return.Use!.Write, "result") + ";");
        code.Line("writer.Flush();");
        code.Line("context.EndResult();");
        code.Close();
        code.Close();
        code.Line();
    }

    private static void EmitFinish(CodeWriter code, FunctionModel function)
    {
        if (function.Return.Kind is not (ReturnKind.AwaitableValue or ReturnKind.Stream))
        {
            return;
        }

        code.Open($"private static async {ValueTask} Finish{function.Name}({Context} context, {function.Return.DeclaredType} running)");
        if (function.Return.Kind == ReturnKind.AwaitableValue)
        {
            code.Line($"Write{function.Name}(context, await running.ConfigureAwait(false));");
        }
        else
        {
            code.Open("await foreach (var item in global::System.Threading.Tasks.TaskAsyncEnumerableExtensions.WithCancellation(running, context.CancellationToken).ConfigureAwait(false))");
            code.Line($"Write{function.Name}(context, item);");
            code.Line("await context.YieldAsync().ConfigureAwait(false);");
            code.Close();
        }

        code.Close();
        code.Line();
    }
}
