using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>The type that gets a Remote class, with what is around it.</summary>
internal static class Containers
{
    /// <summary>The container, or null with diagnostics where generated code could not be nested in it.</summary>
    public static ContainerModel? Parse(INamedTypeSymbol type, SyntaxNode inside, string function, Location location, List<DiagnosticModel> diagnostics)
    {
        var declarations = new Stack<string>();
        for (var t = type; t is not null; t = t.ContainingType)
        {
            if (t.IsGenericType)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.Generic, location, function));
                return null;
            }

            declarations.Push($"partial {KeywordOf(t)} {Identifier(t.Name)}");
        }

        foreach (var syntax in inside.AncestorsAndSelf().OfType<TypeDeclarationSyntax>())
        {
            if (!syntax.Modifiers.Any(SyntaxKind.PartialKeyword))
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.NotPartial, syntax.Identifier.GetLocation(), syntax.Identifier.Text, function));
                return null;
            }
        }

        if (!Accessibilities.IsReachable(type))
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.NotAccessible, location, type.ToDisplayString(), "private, protected or local to its file"));
            return null;
        }

        if (type.GetMembers("Remote").Any())
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.NameTaken, location, type.ToDisplayString()));
            return null;
        }

        var ns = type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted));
        return new ContainerModel(ns, new EquatableArray<string>(declarations), TypeGraph.NameOf(type), MetadataName(type));
    }

    /// <summary>The name a function is registered under: dots throughout, as people write it.</summary>
    public static string MetadataName(INamedTypeSymbol type)
    {
        var outer = type.ContainingType is { } containing
            ? MetadataName(containing)
            : type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString();
        return outer.Length == 0 ? type.Name : $"{outer}.{type.Name}";
    }

    public static string Identifier(string name) =>
        SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None && SyntaxFacts.GetContextualKeywordKind(name) == SyntaxKind.None ? name : "@" + name;

    private static string KeywordOf(INamedTypeSymbol type) => type switch
    {
        { IsRecord: true, TypeKind: TypeKind.Struct } => "record struct",
        { IsRecord: true } => "record",
        { TypeKind: TypeKind.Struct } => "struct",
        { TypeKind: TypeKind.Interface } => "interface",
        _ => "class",
    };
}
