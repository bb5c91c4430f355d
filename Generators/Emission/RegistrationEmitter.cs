using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The nested class that registers a type's functions, and the file that calls all of these when the assembly is loaded.</summary>
internal static class RegistrationEmitter
{
    private const string Runtime = "global::Modal.Runtime.";

    public static void Emit(CodeWriter code, UnitModel unit, string assembly)
    {
        code.Line("[global::System.ComponentModel.EditorBrowsable(global::System.ComponentModel.EditorBrowsableState.Never)]");
        code.Open("internal static class RemoteRegistration");
        code.Open("internal static void Register()");
        var statics = unit.Functions.Where(f => f.IsStatic).ToList();
        foreach (var function in statics)
        {
            EmitDefinition(code, function, HandleEmitter.Decoder(function, statics), assembly, $"{Runtime}FunctionRegistry.Register(new {Runtime}FunctionDefinition", ");");
        }

        if (unit.Service is { } service)
        {
            EmitService(code, service, [.. unit.Functions.Where(f => !f.IsStatic)], assembly);
        }

        code.Close();
        code.Line();
        if (unit.Service is { } made)
        {
            EmitCreate(code, made);
        }

        foreach (var function in unit.Functions)
        {
            InvokerEmitter.Emit(code, function);
        }

        code.Close();
    }

    public static string EmitInitializer(IEnumerable<UnitModel> units)
    {
        var code = CodeWriter.ForFile(nullable: true);
        code.Line("namespace Modal.Generated;");
        code.Line();
        code.Open("internal static class Registration");
        code.Line("[global::System.Runtime.CompilerServices.ModuleInitializer]");
        code.Open("internal static void Initialize()");
        foreach (var unit in units)
        {
            code.Line($"{unit.Owner.Global}.RemoteRegistration.Register();");
        }

        code.Close();
        code.Close();
        return code.ToString();
    }

    private static void EmitDefinition(CodeWriter code, FunctionModel function, string? decoder, string assembly, string before, string after)
    {
        code.Open(before);
        code.Line($"Name = {Json.String(function.FullName)},");
        code.Line($"Assembly = {Json.String(assembly)},");
        EmitOptions(code, function.Options, function.Image, function.Secrets, function.Mounts);
        if (function.Return.Kind == ReturnKind.Stream)
        {
            code.Line("IsStreaming = true,");
        }

        if (decoder is not null)
        {
            code.Line($"Decoder = {decoder},");
        }

        if (function.Batch is { } batch)
        {
            code.Line($"BatchMaxSize = {batch.MaxSize},");
            code.Line($"BatchWaitMs = {batch.WaitMs},");
        }

        EmitCluster(code, function.ClusterSize);
        code.Line($"Invoke = Invoke{function.Name},");
        code.Close(after);
    }

    private static void EmitService(CodeWriter code, ServiceModel service, List<FunctionModel> functions, string assembly)
    {
        code.Open($"{Runtime}FunctionRegistry.Register(new {Runtime}ServiceDefinition");
        code.Line($"Name = {Json.String(service.Owner.Name)},");
        code.Line($"Assembly = {Json.String(assembly)},");
        EmitOptions(code, service.Options, service.Image, service.Secrets, service.Mounts);
        EmitCluster(code, service.ClusterSize);
        code.Line("Create = Create,");
        code.Line("Functions = [");
        foreach (var function in functions)
        {
            EmitDefinition(code, function, HandleEmitter.Decoder(function, functions), assembly, $"new {Runtime}FunctionDefinition", ",");
        }

        code.Line("],");
        EmitHooks(code, "Enter", service, service.Enter);
        EmitHooks(code, "Exit", service, service.Exit);
        code.Close(");");
    }

    private static void EmitCluster(CodeWriter code, int size)
    {
        if (size > 0)
        {
            code.Line($"ClusterSize = {size},");
        }
    }

    private static void EmitHooks(CodeWriter code, string property, ServiceModel service, EquatableArray<HookModel> hooks)
    {
        if (hooks.Count == 0)
        {
            return;
        }

        code.Line($"{property} = [");
        foreach (var hook in hooks)
        {
            var call = Signatures.Format(hook.Call, $"(({service.Owner.Global})self)");
            var body = hook.Returns switch
            {
                HookReturn.Void => $"{{ {call}; return default; }}",
                HookReturn.Task => $"new global::System.Threading.Tasks.ValueTask({call})",
                _ => call,
            };
            code.Line($"    new({Json.String(hook.Name)}, static (self, token) => {body}{(hook.Snapshot ? ", Snapshot: true" : "")}),");
        }

        code.Line("],");
    }

    private static void EmitCreate(CodeWriter code, ServiceModel service)
    {
        code.Open("private static object Create(global::System.ReadOnlyMemory<byte> arguments)");
        code.Lines(Signatures.ReadArguments(service.Parameters, "arguments", service.Owner.Name));
        code.Line($"return new {service.Owner.Global}({Signatures.CallArguments(service.Parameters, "default")});");
        code.Close();
        code.Line();
    }

    private static void EmitOptions(CodeWriter code, EquatableArray<OptionModel> options, ImageModel? image, EquatableArray<SecretModel> secrets, EquatableArray<MountModel> mounts)
    {
        if (options.Count > 0)
        {
            code.Line($"Options = new {Runtime}FunctionOptions {{ {string.Join(", ", options.Select(o => $"{o.Name} = {o.Code}"))} }},");
        }

        if (secrets.Count > 0)
        {
            code.Line($"Secrets = static () => [{string.Join(", ", secrets.Select(s => s.Expression))}],");
        }

        if (image is not null)
        {
            code.Line($"Image = static () => {image.Expression},");
            if (image.Dynamic is null)
            {
                code.Line($"CompiledImage = new {Runtime}CompiledImage({Json.String(image.Member)}, [{string.Join(", ", image.Layers.Select(Json.String))}]),");
            }
        }

        if (mounts.Count > 0)
        {
            code.Line($"Volumes = [{string.Join(", ", mounts.Select(m => $"new {Runtime}VolumeBinding({Json.String(m.Path)}, static () => {m.Expression})"))}],");
        }
    }
}
