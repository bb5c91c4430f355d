using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using Modal.Generators.Emission;
using Modal.Generators.Model;
using Modal.Generators.Parsing;

namespace Modal.Generators;

/// <summary>Adds handles, invokers, codecs, registration and a manifest for [Function] methods and [Service] classes.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class FunctionGenerator : IIncrementalGenerator
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var functions = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                KnownNames.Function,
                static (node, _) => node is MethodDeclarationSyntax or LocalFunctionStatementSyntax or AccessorDeclarationSyntax or LambdaExpressionSyntax or OperatorDeclarationSyntax,
                static (c, token) => FunctionParser.Parse(c, token))
            .WithTrackingName(StepNames.Functions);
        var services = context.SyntaxProvider
            .ForAttributeWithMetadataName(KnownNames.Service, static (node, _) => node is TypeDeclarationSyntax, static (c, token) => ServiceParser.Parse(c, token))
            .WithTrackingName(StepNames.Services);

        var strays = context.SyntaxProvider
            .ForAttributeWithMetadataName(KnownNames.Batched, static (node, _) => node is MethodDeclarationSyntax, static (c, _) => BatchParser.Stray(c))
            .Where(static d => d is not null);
        var strayClusters = context.SyntaxProvider
            .ForAttributeWithMetadataName(KnownNames.Clustered, static (node, _) => node is MethodDeclarationSyntax or TypeDeclarationSyntax, static (c, _) => ClusterParser.Stray(c))
            .Where(static d => d is not null);

        var stored = context.SyntaxProvider
            .CreateSyntaxProvider(static (node, _) => StoredTypeParser.IsCandidate(node), static (c, token) => StoredTypeParser.Parse(c, token))
            .SelectMany(static (p, _) => p);

        var diagnostics = functions.SelectMany(static (f, _) => f.Diagnostics).Collect()
            .Combine(services.SelectMany(static (s, _) => s.Diagnostics).Collect())
            .Combine(strays.Collect().Combine(strayClusters.Collect()))
            .Combine(stored.SelectMany(static (s, _) => s.Diagnostics).Collect())
            // A type that is not partial would be named once per function in it.
            .SelectMany(static (d, _) => d.Left.Left.Left.Concat(d.Left.Left.Right).Concat(d.Left.Right.Left.Concat(d.Left.Right.Right).Select(static s => s!)).Concat(d.Right).Distinct().ToImmutableArray())
            .WithTrackingName(StepNames.Diagnostics);
        context.RegisterSourceOutput(diagnostics, static (c, d) => c.ReportDiagnostic(d.ToDiagnostic()));

        var functionModels = functions.Where(static f => f.Model is not null).Select(static (f, _) => f.Model!).Collect();
        var serviceModels = services.Where(static s => s.Model is not null).Select(static (s, _) => s.Model!).Collect();
        var units = functionModels.Combine(serviceModels)
            .Select(static (m, _) => Units(m.Left, m.Right))
            .WithTrackingName(StepNames.Units);
        var assembly = context.CompilationProvider.Select(static (c, _) => c.AssemblyName ?? "").WithTrackingName(StepNames.Assembly);
        context.RegisterSourceOutput(
            units.SelectMany(static (u, _) => u).Combine(assembly).WithTrackingName(StepNames.Unit),
            static (c, u) => Add(c, u.Left.Owner.Name, UnitEmitter.Emit(u.Left, u.Right)));
        context.RegisterSourceOutput(units, static (c, u) =>
        {
            if (u.Count > 0)
            {
                Add(c, "Modal.Generated.Registration", RegistrationEmitter.EmitInitializer(u));
                Add(c, "Modal.Generated.Manifest", ManifestEmitter.Emit(u));
            }
        });

        var codecs = functions.SelectMany(static (f, _) => f.Codecs).Collect()
            .Combine(services.SelectMany(static (s, _) => s.Codecs).Collect())
            .Combine(stored.SelectMany(static (s, _) => s.Codecs).Collect())
            .Select(static (c, _) => c.Left.Left.Concat(c.Left.Right).Concat(c.Right).GroupBy(m => m.Type, StringComparer.Ordinal).Select(g => g.First()).OrderBy(m => m.Type, StringComparer.Ordinal).ToEquatableArray())
            .WithTrackingName(StepNames.Codecs);
        context.RegisterSourceOutput(codecs, static (c, models) =>
        {
            if (models.Count > 0)
            {
                Add(c, "Modal.Generated.Codecs", CodecEmitter.Emit(models));
            }
        });

        var types = stored.Where(static s => s.Model is not null).Select(static (s, _) => s.Model!).Collect()
            .Select(static (t, _) => t.GroupBy(m => m.Use.Type, StringComparer.Ordinal).Select(g => g.First()).OrderBy(m => m.Use.Type, StringComparer.Ordinal).ToEquatableArray())
            .WithTrackingName(StepNames.StoredTypes);
        context.RegisterSourceOutput(types, static (c, models) =>
        {
            if (models.Count > 0)
            {
                Add(c, "Modal.Generated.StoredTypes", StoredTypesEmitter.Emit(models));
            }
        });
    }

    /// <summary>One unit per owner, sorted by name; methods of a service stay in the order of declaration.</summary>
    private static EquatableArray<UnitModel> Units(ImmutableArray<FunctionModel> functions, ImmutableArray<ServiceModel> services)
    {
        var units = new SortedDictionary<string, UnitModel>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            units[service.Owner.Global] = new UnitModel(service.Owner, service, default);
        }

        foreach (var group in functions.GroupBy(f => f.Owner.Global, StringComparer.Ordinal))
        {
            var known = units.TryGetValue(group.Key, out var unit);
            // A service that is in doubt has no model; its methods would have nothing to run on.
            var usable = group.Where(f => f.IsStatic || known);
            var sorted = usable.Where(f => f.IsStatic).OrderBy(f => f.Name, StringComparer.Ordinal).Concat(usable.Where(f => !f.IsStatic)).ToEquatableArray();
            if (sorted.Count > 0)
            {
                units[group.Key] = new UnitModel(group.First().Owner, unit?.Service, sorted);
            }
        }

        return units.Values.ToEquatableArray();
    }

    private static void Add(SourceProductionContext context, string name, string text) =>
        context.AddSource(name + ".g.cs", SourceText.From(text, s_utf8));
}
