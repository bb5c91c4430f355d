using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The nested Remote class of a service.</summary>
internal static class ServiceEmitter
{
    public static string Emit(ServiceModel service)
    {
        var owner = service.Container.FullName;
        var sent = service.Parameters.Where(p => !p.IsCancellationToken).ToList();
        var access = service.IsPublic ? "public" : "internal";
        var declared = string.Join(", ", sent.Select(HandleEmitter.Declaration));
        var names = string.Join(", ", sent.Select(p => p.Name));
        var construct = $"new {owner}({string.Join(", ", service.Parameters.Select(p => p.IsCancellationToken ? "default" : p.Name))})";

        var code = new CodeWriter(CodeWriter.Header);
        RemoteClassEmitter.OpenContainer(code, service.Container);
        code.Line($"/// <summary>Makes handles of the service {service.Container.MetadataName}.</summary>").Open("public static class Remote");
        code.Line("private static readonly global::Modal.Runtime.LifecycleHook[] s_enter =").Open("new global::Modal.Runtime.LifecycleHook[]");
        EmitHooks(code, service.Enter, owner);
        code.Close(";").Line();
        code.Line("private static readonly global::Modal.Runtime.LifecycleHook[] s_exit =").Open("new global::Modal.Runtime.LifecycleHook[]");
        EmitHooks(code, service.Exit, owner);
        code.Close(";").Line();

        code.Line("/// <summary>A handle of the service with these constructor arguments. Handles with equal arguments share containers.</summary>")
            .Line($"{access} static Instance Create({declared}) => new Instance({names});").Line();

        code.Line("/// <summary>One set of constructor arguments and its functions.</summary>").Open($"{access} sealed class Instance : global::Modal.ServiceInstance");
        code.Open($"internal Instance({declared}) : base({Json.String(service.Container.MetadataName)}, Encode({names}))");
        code.Line($"Local = new global::Modal.LocalService<{owner}>(() => {construct}, s_enter, s_exit);");
        foreach (var function in service.Functions)
        {
            code.Line($"{function.Method} = new {HandleEmitter.ClassName(function)}(this);");
        }

        code.Close().Line();
        foreach (var function in service.Functions)
        {
            code.Lines(function.Documentation).Line($"{(function.IsPublic ? "public" : "internal")} {HandleEmitter.ClassName(function)} {function.Method} {{ get; }}").Line();
        }

        code.Line($"internal global::Modal.LocalService<{owner}> Local {{ get; }}").Line();
        code.Line("/// <inheritdoc/>").Line("protected override global::System.Threading.Tasks.ValueTask DisposeCoreAsync() => Local.DisposeAsync();").Line();
        EmitEncode(code, sent);
        code.Close().Line();

        foreach (var function in service.Functions)
        {
            HandleEmitter.Emit(code, function, owner);
            code.Line();
        }

        code.Open("private static object Create(global::System.ReadOnlyMemory<byte> bytes)");
        HandleEmitter.EmitArguments(code, sent, "bytes.Span", service.Container.MetadataName);
        code.Line($"return new {owner}({string.Join(", ", service.Parameters.Select(p => p.IsCancellationToken ? "default" : $"argument{sent.IndexOf(p)}"))});").Close().Line();

        code.Line("[global::System.ComponentModel.EditorBrowsable(global::System.ComponentModel.EditorBrowsableState.Never)]").Open("internal static void Register(string assembly)");
        code.Line("global::Modal.Runtime.FunctionRegistry.Register(new global::Modal.Runtime.ServiceDefinition").Open();
        code.Line($"Name = {Json.String(service.Container.MetadataName)},").Line("Assembly = assembly,").Line("Create = Create,").Line("Enter = s_enter,").Line("Exit = s_exit,");
        foreach (var member in RemoteClassEmitter.OptionMembers(service.Options))
        {
            code.Line(member + ",");
        }

        code.Line("Functions = new global::Modal.Runtime.FunctionDefinition[]").Open();
        foreach (var function in service.Functions)
        {
            code.Line(RemoteClassEmitter.Definition(function) + ",");
        }

        code.Close(",").Close(");").Close().Close();
        RemoteClassEmitter.CloseContainer(code, service.Container);
        return code.ToString();
    }

    private static void EmitEncode(CodeWriter code, List<ParameterModel> sent)
    {
        var declared = string.Join(", ", sent.Select(p => $"{p.Type.Annotated} {p.Name}"));
        code.Open($"private static byte[] Encode({declared})").Line("var buffer = new global::System.Buffers.ArrayBufferWriter<byte>();").Line("var writer = new global::Modal.Serialization.PayloadWriter(buffer);")
            .Line($"writer.WriteArrayHeader({sent.Count});");
        foreach (var parameter in sent)
        {
            code.Line(Codecs.Write(parameter.Type, parameter.Name));
        }

        code.Line("writer.Flush();").Line("return buffer.WrittenSpan.ToArray();").Close();
    }

    private static void EmitHooks(CodeWriter code, EquatableArray<HookModel> hooks, string owner)
    {
        foreach (var hook in hooks)
        {
            var call = hook.Call.StartsWith("global::", StringComparison.Ordinal) ? $"(({hook.Call})service).{hook.Name}()" : $"(({owner})service).{hook.Call}";
            var body = hook.Awaits switch
            {
                AwaitKind.None => $"{{ {call}; return default; }}",
                AwaitKind.Task => $"new global::System.Threading.Tasks.ValueTask({call})",
                _ => call,
            };
            code.Line($"new global::Modal.Runtime.LifecycleHook({Json.String(hook.Name)}, static (service, cancellationToken) => {body}, {(hook.Snapshot ? "true" : "false")}),");
        }
    }
}
