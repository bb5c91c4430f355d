using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Modal.Generators.Parsing;

/// <summary>The documentation comment of a declaration as it was written, so that it shows up at the handle.</summary>
internal static class Documentation
{
    public static string Of(SyntaxNode node)
    {
        var text = new StringBuilder();
        foreach (var trivia in node.GetLeadingTrivia())
        {
            // Without documentation output the parser leaves these as ordinary comments.
            if (trivia.IsKind(SyntaxKind.SingleLineDocumentationCommentTrivia) || (trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) && trivia.ToString().StartsWith("///", StringComparison.Ordinal)))
            {
                foreach (var line in trivia.ToFullString().Split('\n'))
                {
                    var content = line.Trim();
                    if (content.Length > 0)
                    {
                        text.Append(content.StartsWith("///", StringComparison.Ordinal) ? content : "/// " + content).Append('\n');
                    }
                }
            }
        }

        return text.ToString();
    }
}
