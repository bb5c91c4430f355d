using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Modal.Generators.Parsing;

/// <summary>Types and names as text.</summary>
internal static class TypeNames
{
    private static readonly SymbolDisplayFormat s_identity = SymbolDisplayFormat.FullyQualifiedFormat
        .WithMiscellaneousOptions(
            SymbolDisplayMiscellaneousOptions.EscapeKeywordIdentifiers | SymbolDisplayMiscellaneousOptions.UseSpecialTypes
            | SymbolDisplayMiscellaneousOptions.ExpandValueTuple);

    private static readonly SymbolDisplayFormat s_declared = SymbolDisplayFormat.FullyQualifiedFormat
        .AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    private static readonly SymbolDisplayFormat s_readable = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypes,
        genericsOptions: SymbolDisplayGenericsOptions.IncludeTypeParameters,
        miscellaneousOptions: SymbolDisplayMiscellaneousOptions.UseSpecialTypes);

    /// <summary>The same for every spelling of one type: no nullable annotations, no tuple names.</summary>
    public static string Identity(ITypeSymbol type) => type.ToDisplayString(s_identity);

    /// <summary>As the user wrote it, with <c>global::</c>.</summary>
    public static string Declared(ITypeSymbol type) => type.ToDisplayString(s_declared);

    /// <summary>Short, for messages.</summary>
    public static string Readable(ISymbol symbol) => symbol.ToDisplayString(s_readable);

    /// <summary>A member with its type, for messages.</summary>
    public static string Member(ISymbol member) => $"{Readable(member.ContainingType)}.{member.Name}";

    /// <summary>Full name with dots and no escapes: how functions are registered.</summary>
    public static string Dotted(INamedTypeSymbol type)
    {
        var parts = new Stack<string>();
        for (ISymbol? s = type; s is INamedTypeSymbol or INamespaceSymbol { IsGlobalNamespace: false }; s = s.ContainingSymbol)
        {
            parts.Push(s.Name);
        }

        return string.Join(".", parts);
    }

    /// <summary>With @ where it is a keyword.</summary>
    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    /// <summary>A constant as C#, for a parameter of that type.</summary>
    public static string Constant(ITypeSymbol type, object? value)
    {
        if (value is null)
        {
            // Where annotations are off, or the user accepted the warning, generated code must not repeat it.
            return !type.IsReferenceType ? "default" : type.NullableAnnotation == NullableAnnotation.Annotated ? "null" : "null!";
        }

        var plain = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;
        if (plain.TypeKind == TypeKind.Enum)
        {
            return $"({Identity(plain)})({Literal(value)})";
        }

        return Literal(value);
    }

    private static string Literal(object value) => value switch
    {
        double.NaN => "double.NaN",
        double.PositiveInfinity => "double.PositiveInfinity",
        double.NegativeInfinity => "double.NegativeInfinity",
        float.NaN => "float.NaN",
        float.PositiveInfinity => "float.PositiveInfinity",
        float.NegativeInfinity => "float.NegativeInfinity",
        double d => d.ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "d",
        float f => f.ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "f",
        decimal m => m.ToString(System.Globalization.CultureInfo.InvariantCulture) + "m",
        _ => SymbolDisplay.FormatPrimitive(value, quoteStrings: true, useHexadecimalNumbers: false) ?? "default",
    };
}
