using Microsoft.CodeAnalysis;

namespace Modal.Generators.Parsing;

/// <summary>Who can see a symbol.</summary>
internal static class Accessibilities
{
    /// <summary>Code elsewhere in the same assembly can name it: it and everything around it is internal at least.</summary>
    public static bool IsReachable(ISymbol symbol)
    {
        if (symbol is ITypeSymbol type and not INamedTypeSymbol)
        {
            return type switch
            {
                IArrayTypeSymbol array => IsReachable(array.ElementType),
                _ => true,
            };
        }

        for (var s = symbol; s is not null and not INamespaceSymbol; s = s.ContainingSymbol)
        {
            var sameAssembly = s.Locations.Any(l => l.IsInSource);
            if (s is INamedTypeSymbol { IsFileLocal: true })
            {
                return false;
            }

            if (s.DeclaredAccessibility is not Accessibility.Public && !(sameAssembly && s.DeclaredAccessibility is Accessibility.Internal or Accessibility.ProtectedOrInternal) && s is not IModuleSymbol and not IAssemblySymbol)
            {
                return false;
            }
        }

        return symbol is not INamedTypeSymbol { TypeArguments: var arguments } || arguments.All(IsReachable);
    }

    /// <summary>Code in other assemblies can name it.</summary>
    public static bool IsPublic(ITypeSymbol type)
    {
        switch (type)
        {
            case IArrayTypeSymbol array:
                return IsPublic(array.ElementType);
            case INamedTypeSymbol named:
                for (INamedTypeSymbol? t = named; t is not null; t = t.ContainingType)
                {
                    if (t.DeclaredAccessibility is not (Accessibility.Public or Accessibility.NotApplicable))
                    {
                        return false;
                    }
                }

                return named.TypeArguments.All(IsPublic);
            default:
                return true;
        }
    }
}
