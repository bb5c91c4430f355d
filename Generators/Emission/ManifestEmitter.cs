using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The assembly attribute that tools read without running the code.</summary>
internal static class ManifestEmitter
{
    public static string Emit(IReadOnlyList<UnitModel> units)
    {
        var functions = units.SelectMany(u => u.Functions).Where(f => f.IsStatic).Select(Function);
        var services = units.Where(u => u.Service is not null).Select(u => Service(u.Service!, u.Functions.Where(f => !f.IsStatic)));
        var json = Json.Object(("version", "1"), ("functions", Json.Array(functions)), ("services", Json.Array(services)));
        var code = CodeWriter.ForFile(nullable: true);
        code.Line($"[assembly: global::Modal.ModalManifest(\"\"\"{json}\"\"\")]");
        return code.ToString();
    }

    private static string Function(FunctionModel function) => Json.Object(
        ("name", Json.String(function.FullName)),
        ("options", Options(function.Options)),
        ("image", function.Image is { } image ? Json.String(image.Name) : null),
        ("imageSpec", ImageSpec(function.Image)),
        ("secrets", Secrets(function.Secrets)),
        ("volumes", Mounts(function.Mounts)),
        ("parameters", Parameters(function.Sent)),
        ("result", function.Return.ResultType is { } result ? Json.String(result) : null),
        ("streaming", function.Return.Kind == ReturnKind.Stream ? "true" : null),
        ("batched", function.Batch is { } batch ? Json.Object(("maxSize", Json.Value(batch.MaxSize)), ("waitMs", Json.Value(batch.WaitMs))) : null),
        ("clusterSize", ClusterSize(function.ClusterSize)));

    private static string Service(ServiceModel service, IEnumerable<FunctionModel> functions) => Json.Object(
        ("name", Json.String(service.Owner.Name)),
        ("options", Options(service.Options)),
        ("image", service.Image is { } image ? Json.String(image.Name) : null),
        ("imageSpec", ImageSpec(service.Image)),
        ("clusterSize", ClusterSize(service.ClusterSize)),
        ("secrets", Secrets(service.Secrets)),
        ("volumes", Mounts(service.Mounts)),
        ("parameters", Parameters(service.Parameters)),
        ("functions", Json.Array(functions.Select(Function))),
        ("enter", Hooks(service.Enter)),
        ("exit", Hooks(service.Exit)));

    /// <summary>The layers, or why they are known at run time only.</summary>
    private static string? ImageSpec(ImageModel? image) => image switch
    {
        null => null,
        { Dynamic: { } reason } => Json.Object(("dynamic", Json.String(reason))),
        _ => Json.Object(("layers", Json.Array(image.Layers))),
    };

    /// <summary>The members that give them: what is in them is known at run time only, and to nobody who reads this.</summary>
    private static string? Secrets(EquatableArray<SecretModel> secrets) => secrets.Count == 0 ? null : Json.Array(secrets.Select(s => Json.String(s.Name)));

    private static string? Mounts(EquatableArray<MountModel> mounts) =>
        mounts.Count == 0 ? null : Json.Array(mounts.Select(m => Json.Object(("path", Json.String(m.Path)), ("volume", Json.String(m.Name)))));

    private static string Parameters(IEnumerable<ParameterModel> parameters) => Json.Array(parameters.Select(p => Json.Object(
        ("name", Json.String(p.Name.TrimStart('@'))),
        ("type", Json.String(p.Type)),
        ("default", p.Default is { } d ? Json.String(d == "null!" ? "null" : d) : null))));

    private static string? Options(EquatableArray<OptionModel> options) =>
        options.Count == 0 ? null : Json.Object([.. options.Select(o => (o.Name, (string?)o.Json))]);

    private static string? ClusterSize(int size) => size > 0 ? Json.Value(size) : null;

    private static string? Hooks(EquatableArray<HookModel> hooks) => hooks.Count == 0
        ? null
        : Json.Array(hooks.Select(h => Json.Object(("name", Json.String(h.Name)), ("snapshot", h.Snapshot ? "true" : null))));
}
