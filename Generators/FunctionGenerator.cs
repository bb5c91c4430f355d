using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Emission;
using Modal.Generators.Model;
using Modal.Generators.Parsing;

namespace Modal.Generators;

/// <summary>Gives each class with [Function] methods its nested Remote class, and the assembly its codecs, registration and manifest.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class FunctionGenerator : IIncrementalGenerator
{
    /// <summary>Step that turns methods into models.</summary>
    public const string FunctionsStep = "Functions";

    /// <summary>Step that turns service classes into models.</summary>
    public const string ServicesStep = "Services";

    /// <summary>Step that gathers the functions of each class.</summary>
    public const string ContainersStep = "Containers";

    /// <summary>Step that gathers the types that need codecs.</summary>
    public const string CodecsStep = "Codecs";

    /// <summary>Step that gathers what the assembly registers.</summary>
    public const string RegistrationStep = "Registration";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var functions = context.SyntaxProvider.ForAttributeWithMetadataName(
                FunctionParser.Attribute, static (node, _) => node is MethodDeclarationSyntax or LocalFunctionStatementSyntax, FunctionParser.Parse)
            .Where(static f => f is not null).Select(static (f, _) => f!).WithTrackingName(FunctionsStep);
        var services = context.SyntaxProvider.ForAttributeWithMetadataName(
                ServiceParser.Attribute, static (node, _) => node is TypeDeclarationSyntax, ServiceParser.Parse)
            .WithTrackingName(ServicesStep);

        context.RegisterSourceOutput(functions.SelectMany(static (f, _) => f.Diagnostics), Report);
        context.RegisterSourceOutput(services.SelectMany(static (s, _) => s.Diagnostics), Report);

        var containers = functions.Where(static f => f.Function is not null).Collect()
            .SelectMany(static (all, _) => all.GroupBy(f => f.Container!.MetadataName)
                .Select(g => new RemoteClassModel(g.First().Container!, new EquatableArray<FunctionModel>(g.Select(f => f.Function!)))))
            .WithTrackingName(ContainersStep);
        context.RegisterSourceOutput(containers, static (output, model) => output.AddSource($"{model.Container.MetadataName}.Remote.g.cs", RemoteClassEmitter.Emit(model)));

        var found = services.Where(static s => s.Service is not null).Select(static (s, _) => s.Service!);
        context.RegisterSourceOutput(found, static (output, service) => output.AddSource($"{service.Container.MetadataName}.Remote.g.cs", ServiceEmitter.Emit(service)));

        var codecs = functions.Where(static f => f.Function is not null).SelectMany(static (f, _) => f.Function!.Types).Collect()
            .Combine(found.SelectMany(static (s, _) => s.Types).Collect())
            .Select(static (both, _) => new EquatableArray<TypeDefinition>(
                both.Left.Concat(both.Right).GroupBy(t => t.Name).Select(g => g.First()).OrderBy(t => t.Name, StringComparer.Ordinal)))
            .WithTrackingName(CodecsStep);
        context.RegisterSourceOutput(codecs, static (output, types) =>
        {
            if (types.Count > 0)
            {
                output.AddSource("Modal.Codecs.g.cs", CodecEmitter.Emit(types));
            }
        });

        var assembly = context.CompilationProvider.Select(static (c, _) => c.AssemblyName ?? "");
        var registration = containers.Collect().Combine(found.Collect()).Combine(assembly)
            .Select(static (all, _) => new AssemblyModel(
                all.Right,
                new EquatableArray<RemoteClassModel>(all.Left.Left.OrderBy(c => c.Container.FullName, StringComparer.Ordinal)),
                new EquatableArray<ServiceModel>(all.Left.Right.OrderBy(s => s.Container.FullName, StringComparer.Ordinal))))
            .WithTrackingName(RegistrationStep);
        context.RegisterSourceOutput(registration, static (output, model) =>
        {
            if (model.Classes.Count + model.Services.Count > 0)
            {
                output.AddSource("Modal.Registration.g.cs", RegistrationEmitter.Emit(model));
            }
        });
    }

    private static void Report(SourceProductionContext context, DiagnosticModel diagnostic) =>
        context.ReportDiagnostic(diagnostic.ToDiagnostic(Descriptors.All[diagnostic.Id]));
}
