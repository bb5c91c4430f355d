using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>Documentation comments as they stand in the source: compilations without a documentation file do not parse them, so the text is taken.</summary>
internal static class DocsParser
{
    public static EquatableArray<string> Parse(SyntaxNode declaration)
    {
        // Its first token only: trivia of later ones is inside the method.
        var text = declaration.GetLeadingTrivia().ToFullString();
        return text.Split('\n')
            .Select(l => l.Trim())
            .Where(l => l.StartsWith("///", StringComparison.Ordinal))
            .ToEquatableArray();
    }
}
