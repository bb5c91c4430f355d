using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Modal.Generators.Parsing;

/// <summary>Reads attributes, and what is written in one.</summary>
internal static class AttributeArguments
{
    public static AttributeData? Find(ISymbol symbol, string name) => symbol.GetAttributes().FirstOrDefault(a => a.AttributeClass?.ToDisplayString() == name);

    /// <summary>A number that is set by name; zero if it is not.</summary>
    public static int Number(AttributeData attribute, string name) => attribute.NamedArguments.FirstOrDefault(a => a.Key == name).Value.Value is int value ? value : 0;

    /// <summary>Where it is set by name; the attribute if it is not.</summary>
    public static Location? Place(AttributeData attribute, string name) => Syntax(attribute, name)?.GetLocation();

    /// <summary>Where an element of an array is that is set by name; the array if that cannot be told.</summary>
    public static Location? PlaceOfElement(AttributeData attribute, string name, int index)
    {
        var argument = Syntax(attribute, name);
        SyntaxNode? item = argument switch
        {
            CollectionExpressionSyntax list => list.Elements.ElementAtOrDefault(index),
            ImplicitArrayCreationExpressionSyntax array => array.Initializer.Expressions.ElementAtOrDefault(index),
            ArrayCreationExpressionSyntax array => array.Initializer?.Expressions.ElementAtOrDefault(index),
            _ => null,
        };
        return (item ?? argument)?.GetLocation();
    }

    private static SyntaxNode? Syntax(AttributeData attribute, string name)
    {
        var syntax = attribute.ApplicationSyntaxReference?.GetSyntax() as AttributeSyntax;
        return syntax?.ArgumentList?.Arguments.FirstOrDefault(a => a.NameEquals?.Name.Identifier.Text == name)?.Expression ?? (SyntaxNode?)syntax;
    }
}
