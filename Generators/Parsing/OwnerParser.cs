using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>The type that holds marked methods, with the types around it.</summary>
internal static class OwnerParser
{
    /// <summary>The owner, or null with the reason in <paramref name="diagnostics"/>.</summary>
    public static OwnerModel? Parse(INamedTypeSymbol type, Compilation compilation, List<DiagnosticModel> diagnostics)
    {
        var count = diagnostics.Count;
        var headers = new List<string>();
        for (var t = type; t is not null; t = t.ContainingType)
        {
            var declarations = t.DeclaringSyntaxReferences.Select(r => r.GetSyntax()).OfType<TypeDeclarationSyntax>().ToList();
            var place = declarations.FirstOrDefault()?.Identifier.GetLocation();
            if (t.TypeParameters.Length > 0)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.Generic, place, TypeNames.Readable(t)));
            }
            else if (!declarations.Any(d => d.Modifiers.Any(SyntaxKind.PartialKeyword)))
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.NotPartial, place, TypeNames.Readable(type), TypeNames.Readable(t)));
            }
            else if (t.IsFileLocal || !compilation.IsSymbolAccessibleWithin(t, compilation.Assembly))
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.Inaccessible, place, TypeNames.Readable(t), TypeNames.Readable(t)));
            }

            headers.Add($"partial {Keyword(t)} {TypeNames.Escape(t.Name)}");
        }

        if (TakenName(type) is { } taken)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.NameTaken, taken.Locations.FirstOrDefault(), TypeNames.Readable(type), taken.Name));
        }

        if (diagnostics.Count > count)
        {
            return null;
        }

        headers.Reverse();
        var ns = type.ContainingNamespace.IsGlobalNamespace
            ? ""
            : type.ContainingNamespace.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted));
        return new OwnerModel(TypeNames.Dotted(type), TypeNames.Identity(type), ns, headers.ToEquatableArray());
    }

    /// <summary>Whether other assemblies can see the type, so that its public members must not show internal types.</summary>
    public static bool IsVisibleOutside(ITypeSymbol type)
    {
        switch (type)
        {
            case IArrayTypeSymbol array:
                return IsVisibleOutside(array.ElementType);
            case INamedTypeSymbol named:
                for (var t = named; t is not null; t = t.ContainingType)
                {
                    if (t.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal)
                        || t.TypeArguments.Any(a => !IsVisibleOutside(a)))
                    {
                        return false;
                    }
                }

                return true;
            default:
                return true;
        }
    }

    private static ISymbol? TakenName(INamedTypeSymbol type)
    {
        var isService = type.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == KnownNames.Service);
        return type.GetMembers("Remote").Concat(type.GetMembers("RemoteRegistration")).FirstOrDefault()
            ?? (isService
                ? type.GetMembers().FirstOrDefault(m => m.Name is "Instance" or "Create" && m.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == KnownNames.Function))
                : null);
    }

    private static string Keyword(INamedTypeSymbol type) => type switch
    {
        { TypeKind: TypeKind.Interface } => "interface",
        { IsRecord: true, TypeKind: TypeKind.Struct } => "record struct",
        { IsRecord: true } => "record",
        { TypeKind: TypeKind.Struct } => "struct",
        _ => "class",
    };
}
