using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>How a plain class, struct or record is taken apart and made again.</summary>
internal static class ObjectShape
{
    internal readonly record struct Member(string Name, ITypeSymbol Type, MemberRestore Restore, int ConstructorIndex, string Default);

    public static string? WhyNot(INamedTypeSymbol type)
    {
        if (type.TypeKind == TypeKind.Interface)
        {
            return "an interface, and which class it stands for is not known on the other side";
        }

        if (type.IsAbstract)
        {
            return "abstract, and which class it stands for is not known on the other side";
        }

        if (type.TypeKind is not (TypeKind.Class or TypeKind.Struct))
        {
            return "not a class, struct or record";
        }

        if (type.ContainingNamespace?.ToDisplayString() is { } ns && (ns == "System" || ns.StartsWith("System.", StringComparison.Ordinal)) && !type.Locations.Any(l => l.IsInSource))
        {
            return "a type of the framework that has no codec";
        }

        return Accessibilities.IsReachable(type) ? null : "not accessible from generated code; make it and every type around it internal or public";
    }

    /// <summary>Its members in order, or null if no constructor fits.</summary>
    public static IReadOnlyList<Member>? Of(INamedTypeSymbol type)
    {
        var data = DataMembers(type);
        var best = type.InstanceConstructors
            .Where(c => Accessibilities.IsReachable(c) && !IsCopy(c, type))
            .Select(c => (Constructor: c, Fits: c.Parameters.All(p => Match(data, p) is not null)))
            .Where(c => c.Fits)
            .Select(c => (c.Constructor, Lost: data.Count(m => !m.CanSet && m.IsStored && !c.Constructor.Parameters.Any(p => Match(data, p)?.Symbol.Equals(m.Symbol, SymbolEqualityComparer.Default) == true))))
            .OrderBy(c => c.Lost).ThenBy(c => c.Constructor.Parameters.Length)
            .ToList();
        if (best.Count == 0 || best[0].Lost > 0)
        {
            return null;
        }

        var constructor = best[0].Constructor;
        var members = new List<Member>();
        foreach (var member in data)
        {
            var parameter = constructor.Parameters.FirstOrDefault(p => Match(data, p)?.Symbol.Equals(member.Symbol, SymbolEqualityComparer.Default) == true);
            if (parameter is not null)
            {
                members.Add(new Member(member.Symbol.Name, member.Type, MemberRestore.Constructor, parameter.Ordinal, Literals.DefaultOf(parameter) ?? ""));
            }
            else if (member.CanSet)
            {
                members.Add(new Member(member.Symbol.Name, member.Type, member.ByInitializer ? MemberRestore.Initializer : MemberRestore.Set, -1, ""));
            }
        }

        return members;
    }

    private readonly record struct Data(ISymbol Symbol, ITypeSymbol Type, bool CanSet, bool ByInitializer, bool IsStored);

    private static List<Data> DataMembers(INamedTypeSymbol type)
    {
        var chain = new Stack<INamedTypeSymbol>();
        for (var t = type; t is not null && t.SpecialType is not (SpecialType.System_Object or SpecialType.System_ValueType); t = t.BaseType)
        {
            chain.Push(t);
        }

        var members = new List<Data>();
        foreach (var declaring in chain)
        {
            foreach (var symbol in declaring.GetMembers().Where(m => !m.IsStatic && m.DeclaredAccessibility == Accessibility.Public))
            {
                Data? member = symbol switch
                {
                    IPropertySymbol { IsIndexer: false, GetMethod: { DeclaredAccessibility: Accessibility.Public } } p => new Data(
                        p, p.Type, p.SetMethod is { } set && Accessibilities.IsReachable(set), p.SetMethod?.IsInitOnly == true || p.IsRequired, IsStored(p)),
                    IFieldSymbol { IsConst: false, IsImplicitlyDeclared: false } f => new Data(f, f.Type, !f.IsReadOnly, f.IsRequired, IsStored: true),
                    _ => null,
                };
                if (member is { } found)
                {
                    // A member that hides or overrides one of a base class takes its place.
                    members.RemoveAll(m => m.Symbol.Name == symbol.Name);
                    members.Add(found);
                }
            }
        }

        return members;
    }

    // A property without a backing field is computed from others and need not be sent.
    private static bool IsStored(IPropertySymbol property) =>
        property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(f => SymbolEqualityComparer.Default.Equals(f.AssociatedSymbol, property));

    private static Data? Match(List<Data> members, IParameterSymbol parameter)
    {
        foreach (var member in members)
        {
            if (string.Equals(member.Symbol.Name, parameter.Name, StringComparison.OrdinalIgnoreCase) && SymbolEqualityComparer.Default.Equals(member.Type, parameter.Type))
            {
                return member;
            }
        }

        return null;
    }

    private static bool IsCopy(IMethodSymbol constructor, INamedTypeSymbol type) =>
        constructor.Parameters.Length == 1 && SymbolEqualityComparer.Default.Equals(constructor.Parameters[0].Type, type);
}
