using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>From a [Service] attribute to a model. The methods come from <see cref="FunctionParser"/>.</summary>
internal static class ServiceParser
{
    public static Parsed<ServiceModel> Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellationToken)
    {
        var diagnostics = new List<DiagnosticModel>();
        var remarks = new List<DiagnosticModel>();
        var compilation = context.SemanticModel.Compilation;
        var graph = new TypeGraph(compilation, cancellationToken);
        var type = (INamedTypeSymbol)context.TargetSymbol;
        var place = (context.TargetNode as TypeDeclarationSyntax)?.Identifier.GetLocation();
        var name = TypeNames.Readable(type);
        var owner = OwnerParser.Parse(type, compilation, diagnostics);
        if (type.IsStatic)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ServiceClass, place, name, "static", "remove [Service], static functions need none"));
        }
        else if (type.IsAbstract)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ServiceClass, place, name, "abstract", "put [Service] on the derived class"));
        }

        var constructor = type.IsStatic || type.IsAbstract ? null : Constructor(type, name, place, diagnostics);
        var parameters = constructor is null
            ? EquatableArray<ParameterModel>.Empty
            : new SignatureParser(graph, diagnostics, cancellationToken).Parameters(constructor, name, tokens: false);
        var attribute = context.Attributes[0];
        var image = OptionsParser.ParseImage(attribute, type, compilation, diagnostics, remarks, cancellationToken);
        var secrets = OptionsParser.ParseSecrets(attribute, type, compilation, diagnostics);
        var mounts = MountParser.Parse(type, type, compilation, diagnostics);
        var (enter, exit) = HookParser.Parse(type, compilation, diagnostics);
        var clusterSize = ClusterParser.Size(type, name, attribute, diagnostics);
        if (owner is null || diagnostics.Count > 0)
        {
            return new Parsed<ServiceModel>(null, default, diagnostics.Concat(remarks).Distinct().ToEquatableArray());
        }

        var isPublic = !OwnerParser.IsVisibleOutside(type) || constructor!.Parameters.All(p => OwnerParser.IsVisibleOutside(p.Type));
        var model = new ServiceModel(owner, isPublic, parameters, enter, exit, OptionsParser.Parse(attribute), image, mounts, DocsParser.Parse(context.TargetNode), clusterSize, secrets);
        return new Parsed<ServiceModel>(model, graph.Codecs.ToEquatableArray(), remarks.ToEquatableArray());
    }

    private static IMethodSymbol? Constructor(INamedTypeSymbol type, string name, Location? place, List<DiagnosticModel> diagnostics)
    {
        // A record's copy constructor makes nothing new.
        var all = type.InstanceConstructors.Where(c => !(c.Parameters is [{ Type: var t }] && SymbolEqualityComparer.Default.Equals(t, type))).ToList();
        var open = all.Where(c => c.DeclaredAccessibility == Accessibility.Public).ToList();
        var candidates = open.Count > 0 ? open : all;
        if (candidates.Count != 1)
        {
            var what = open.Count > 0 ? $"{open.Count} public constructors" : $"{all.Count} constructors and none is public";
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Constructors, place, name, what));
            return null;
        }

        if (RequiredMember(type) is { } required && !candidates[0].GetAttributes().Any(a => a.AttributeClass?.Name == "SetsRequiredMembersAttribute"))
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Constructors, place, name, $"the required member '{required}', which its constructor cannot be given"));
            return null;
        }

        return candidates[0];
    }

    private static string? RequiredMember(INamedTypeSymbol type)
    {
        for (var t = type; t is not null; t = t.BaseType)
        {
            if (t.GetMembers().FirstOrDefault(m => m is IPropertySymbol { IsRequired: true } or IFieldSymbol { IsRequired: true }) is { } member)
            {
                return member.Name;
            }
        }

        return null;
    }
}
