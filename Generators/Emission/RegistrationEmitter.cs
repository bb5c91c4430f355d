using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>What happens when the assembly is loaded, and its manifest, which can be read without loading it.</summary>
internal static class RegistrationEmitter
{
    public static string Emit(AssemblyModel model)
    {
        var code = new CodeWriter(CodeWriter.Header);
        code.Line($"[assembly: global::Modal.ModalManifest({Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(Manifest(model), quote: true)})]").Line();
        code.Open("namespace Modal.Generated").Line("/// <summary>Registers the functions of this assembly when it is loaded.</summary>").Open("internal static class Registration");
        code.Line("[global::System.Runtime.CompilerServices.ModuleInitializer]").Open("internal static void Register()");
        foreach (var owner in model.Classes.Select(c => c.Container.FullName).Concat(model.Services.Select(s => s.Container.FullName)))
        {
            code.Line($"{owner}.Remote.Register({Json.String(model.Assembly)});");
        }

        return code.Close().Close().Close().ToString();
    }

    private static string Manifest(AssemblyModel model) => Json.Object(
        ("version", "1"),
        ("assembly", Json.String(model.Assembly)),
        ("functions", Json.Array(model.Classes.SelectMany(c => c.Functions).OrderBy(f => f.FullName, StringComparer.Ordinal).Select(Function))),
        ("services", Json.Array(model.Services.Select(s => Json.Object(
            ("name", Json.String(s.Container.MetadataName)),
            ("parameters", Json.Array(s.Parameters.Where(p => !p.IsCancellationToken).Select(Parameter))),
            ("functions", Json.Array(s.Functions.Select(Function))),
            ("enter", Json.Array(s.Enter.Select(h => Json.String(h.Name)))),
            ("exit", Json.Array(s.Exit.Select(h => Json.String(h.Name)))),
            ("options", Options(s.Options)),
            ("image", s.Options.ImageMember.Length > 0 ? Json.String(s.Options.ImageMember) : null))))));

    private static string Function(FunctionModel function) => Json.Object(
        ("name", Json.String(function.FullName)),
        ("parameters", Json.Array(function.Parameters.Where(p => !p.IsCancellationToken).Select(Parameter))),
        ("result", function.Result is null ? "null" : Json.String(Plain(function.Result.Annotated))),
        ("streaming", function.Returns == ReturnKind.Stream ? "true" : "false"),
        ("options", Options(function.Options)),
        ("image", function.Options.ImageMember.Length > 0 ? Json.String(function.Options.ImageMember) : null));

    private static string Parameter(ParameterModel parameter) => Json.Object(
        ("name", Json.String(parameter.Name.TrimStart('@'))),
        ("type", Json.String(Plain(parameter.Type.Annotated))),
        ("default", parameter.Default is null ? null : Json.String(Plain(parameter.Default))));

    private static string Options(OptionsModel options) => Json.Object([.. options.Written.Select(o => (o.Name, (string?)o.Json))]);

    private static string Plain(string name) => name.Replace("global::", "");
}
