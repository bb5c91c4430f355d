using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>What was written in a [Function] or [Service] attribute.</summary>
internal static class Options
{
    private const string Image = "Image";

    public static OptionsModel Parse(AttributeData attribute, INamedTypeSymbol type, Location location, List<DiagnosticModel> diagnostics)
    {
        var written = attribute.NamedArguments
            .Where(a => a.Key != Image && a.Value.Kind == TypedConstantKind.Primitive && a.Value.Value is not null)
            .OrderBy(a => a.Key, StringComparer.Ordinal)
            .Select(a => new OptionModel(a.Key, Literals.Primitive(a.Value.Value!), Json(a.Value.Value!)));
        var member = attribute.NamedArguments.FirstOrDefault(a => a.Key == Image).Value.Value as string ?? "";
        var expression = member.Length == 0 ? "" : ImageExpression(type, member) ?? "";
        if (member.Length > 0 && expression.Length == 0)
        {
            var place = attribute.ApplicationSyntaxReference?.GetSyntax() is { } syntax ? syntax.GetLocation() : location;
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ImageNotFound, place, type.ToDisplayString(), member));
        }

        return new OptionsModel(new EquatableArray<OptionModel>(written), member, expression);
    }

    private static string? ImageExpression(INamedTypeSymbol type, string member)
    {
        var owner = TypeGraph.NameOf(type);
        foreach (var symbol in type.GetMembers(member))
        {
            switch (symbol)
            {
                case IPropertySymbol { IsStatic: true, GetMethod: not null } p when IsImage(p.Type):
                case IFieldSymbol { IsStatic: true } f when IsImage(f.Type):
                    return $"{owner}.{Containers.Identifier(member)}";
                case IMethodSymbol { IsStatic: true, Parameters.Length: 0, IsGenericMethod: false } m when IsImage(m.ReturnType):
                    return $"{owner}.{Containers.Identifier(member)}()";
            }
        }

        return null;
    }

    private static bool IsImage(ITypeSymbol type) => type.Name == Image && type.ContainingNamespace?.ToDisplayString() == "Modal";

    private static string Json(object value) => value switch
    {
        string s => Emission.Json.String(s),
        bool b => b ? "true" : "false",
        IFormattable f => f.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => "null",
    };
}
