using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>From the type arguments of dicts and queues, and of functions that are found by name, to codecs.</summary>
internal static class StoredTypeParser
{
    /// <summary>Whether the name may be that of a dict or a queue, or of a method that gives one, or a function.</summary>
    public static bool IsCandidate(SyntaxNode node) => node is GenericNameSyntax { Identifier.ValueText: "Dict" or "Queue" or "FromName" or "Ephemeral" or "Function" };

    /// <summary>One for each type argument; none if the name is of something else.</summary>
    public static EquatableArray<Parsed<StoredTypeModel>> Parse(GeneratorSyntaxContext context, CancellationToken cancellationToken)
    {
        var name = (GenericNameSyntax)context.Node;
        var arguments = context.SemanticModel.GetSymbolInfo(name, cancellationToken).Symbol switch
        {
            INamedTypeSymbol { Name: "Dict" or "Queue" } type when IsStore(type) => type.TypeArguments,
            IMethodSymbol method when IsStore(method.ContainingType) => method.TypeArguments,
            _ => [],
        };
        var places = name.TypeArgumentList.Arguments;
        return arguments.Select((type, i) => Parse(type, i < places.Count ? places[i].GetLocation() : name.GetLocation(), context.SemanticModel.Compilation, cancellationToken))
            .Where(static p => p is not null).Select(static p => p!).ToEquatableArray();
    }

    private static bool IsStore(INamedTypeSymbol type) => $"{type.ContainingNamespace?.ToDisplayString()}.{type.Name}" is KnownNames.Dict or KnownNames.Queue or KnownNames.NamedFunctions or KnownNames.NamedServices or KnownNames.DeployedService;

    private static Parsed<StoredTypeModel>? Parse(ITypeSymbol type, Location place, Compilation compilation, CancellationToken cancellationToken)
    {
        // What a type parameter stands for is named somewhere else; a type that does not exist is the compiler's to report.
        if (HasTypeParameter(type) || type.TypeKind == TypeKind.Error || type.ToDisplayString() == KnownNames.Unit)
        {
            return null;
        }

        var graph = new TypeGraph(compilation, cancellationToken);
        if (graph.Add(type) is { } use)
        {
            return new Parsed<StoredTypeModel>(new StoredTypeModel(use), graph.Codecs.ToEquatableArray(), default);
        }

        var diagnostic = graph.Inaccessible is { } hidden
            ? DiagnosticModel.Create(Descriptors.Inaccessible, place, TypeNames.Readable(hidden), TypeNames.Readable(hidden))
            : DiagnosticModel.Create(Descriptors.StoredType, place, TypeNames.Readable(type), graph.Problem ?? "not supported");
        return new Parsed<StoredTypeModel>(null, default, new([diagnostic]));
    }

    private static bool HasTypeParameter(ITypeSymbol type) => type switch
    {
        ITypeParameterSymbol => true,
        IArrayTypeSymbol array => HasTypeParameter(array.ElementType),
        INamedTypeSymbol named => named.TypeArguments.Any(HasTypeParameter) || (named.ContainingType is { } outer && HasTypeParameter(outer)),
        _ => false,
    };
}
