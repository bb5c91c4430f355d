using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

internal sealed partial class TypeGraph
{
    private CodecModel? Object(INamedTypeSymbol type, string identity, string name, string path)
    {
        var members = PublicMembers(type);
        if (ChooseConstructor(type, members) is not { } constructor)
        {
            Fail(path, type, "which has no public constructor whose parameters are all named and typed as public members");
            return null;
        }

        var models = new List<MemberModel>();
        var constructorMembers = new int[constructor.Parameters.Length];
        foreach (var (symbol, memberType) in members)
        {
            var parameter = constructor.Parameters.FirstOrDefault(p => Matches(p, symbol, memberType));
            var settable = IsSettable(symbol, out var initOnly, out var required);
            var viaInitializer = settable && (required && !SetsRequiredMembers(constructor) || initOnly && parameter is null);
            if (parameter is null && !settable)
            {
                if (IsComputed(symbol))
                {
                    continue;
                }

                Fail($"{path}.{symbol.Name}", memberType, "which can be read but not set again: give it a public setter, 'init', or a constructor parameter of its name and type");
                return null;
            }

            if (Visit(memberType, $"{path}.{symbol.Name}") is not { } use)
            {
                return null;
            }

            if (parameter is not null)
            {
                constructorMembers[parameter.Ordinal] = models.Count;
            }

            var setting = viaInitializer ? MemberSetting.Initializer : parameter is not null ? MemberSetting.Constructor : MemberSetting.Assignment;
            var fallback = parameter is { HasExplicitDefaultValue: true } ? TypeNames.Constant(memberType, parameter.ExplicitDefaultValue) : "default";
            models.Add(new MemberModel(symbol.Name, use, setting, fallback));
        }

        return new CodecModel(
            identity, name, CodecKind.Object, type.IsReferenceType, default, null, models.ToEquatableArray(), constructorMembers.ToEquatableArray());
    }

    /// <summary>Public state: properties with a getter and fields, base classes' first, each name once as the most derived class has it.</summary>
    private static List<(ISymbol Symbol, ITypeSymbol Type)> PublicMembers(INamedTypeSymbol type)
    {
        var levels = new List<List<(ISymbol, ITypeSymbol)>>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var t = type; t is { SpecialType: not (SpecialType.System_Object or SpecialType.System_ValueType) }; t = t.BaseType)
        {
            var level = new List<(ISymbol, ITypeSymbol)>();
            foreach (var member in t.GetMembers())
            {
                if (member.IsStatic || member.DeclaredAccessibility != Accessibility.Public || IsIgnored(member))
                {
                    continue;
                }

                if (member is IPropertySymbol { IsIndexer: false, GetMethod.DeclaredAccessibility: Accessibility.Public } property && seen.Add(property.Name))
                {
                    level.Add((property, property.Type));
                }
                else if (member is IFieldSymbol { IsConst: false, IsImplicitlyDeclared: false } field && seen.Add(field.Name))
                {
                    level.Add((field, field.Type));
                }
            }

            levels.Add(level);
        }

        levels.Reverse();
        return [.. levels.SelectMany(l => l)];
    }

    private static IMethodSymbol? ChooseConstructor(INamedTypeSymbol type, List<(ISymbol Symbol, ITypeSymbol Type)> members) => type.InstanceConstructors
        .Where(c => c.DeclaredAccessibility == Accessibility.Public && !IsDeprecated(c))
        .Where(c => c.Parameters.All(p => p.RefKind == RefKind.None && members.Any(m => Matches(p, m.Symbol, m.Type))))
        .OrderByDescending(c => c.Parameters.Length)
        .FirstOrDefault();

    private static bool Matches(IParameterSymbol parameter, ISymbol member, ITypeSymbol type) =>
        string.Equals(parameter.Name, member.Name, StringComparison.OrdinalIgnoreCase) && SymbolEqualityComparer.Default.Equals(parameter.Type, type);

    private static bool IsSettable(ISymbol member, out bool initOnly, out bool required)
    {
        if (member is IFieldSymbol field)
        {
            initOnly = false;
            required = field.IsRequired;
            return !field.IsReadOnly;
        }

        var property = (IPropertySymbol)member;
        initOnly = property.SetMethod is { IsInitOnly: true };
        required = property.IsRequired;
        return property.SetMethod is { DeclaredAccessibility: Accessibility.Public } && !property.ReturnsByRef;
    }

    /// <summary>A getter with a body: its value follows from the other members. Of compiled code one cannot tell, and a getter alone is taken as that.</summary>
    private static bool IsComputed(ISymbol member) =>
        member is IPropertySymbol property && !property.ContainingType.GetMembers().OfType<IFieldSymbol>()
            .Any(f => SymbolEqualityComparer.Default.Equals(f.AssociatedSymbol, property));

    private static bool SetsRequiredMembers(IMethodSymbol constructor) =>
        constructor.GetAttributes().Any(a => a.AttributeClass?.Name == "SetsRequiredMembersAttribute");

    private static bool IsIgnored(ISymbol member) =>
        member.GetAttributes().Any(a => a.AttributeClass?.Name is "IgnoreDataMemberAttribute" or "NonSerializedAttribute");

    private static bool IsDeprecated(IMethodSymbol constructor) =>
        constructor.GetAttributes().Any(a => a.AttributeClass?.Name == "ObsoleteAttribute" && a.ConstructorArguments is [_, { Value: true }]);
}
