using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Modal.Generators.Folding;

/// <summary>The expression that a static member gives, if there is one that it always gives.</summary>
/// <param name="Expression">Null if there is none.</param>
/// <param name="Problem">Why there is none, as the end of a sentence that begins with the member's name.</param>
/// <param name="IsInitializer">It is evaluated once, with the other initializers of the type.</param>
internal readonly record struct MemberBody(ExpressionSyntax? Expression, string Problem, bool IsInitializer)
{
    public static MemberBody Find(ISymbol member, CancellationToken cancellationToken)
    {
        member = member is IPropertySymbol { PartialImplementationPart: { } part } ? part : member is IMethodSymbol { PartialImplementationPart: { } other } ? other : member;
        if (Changeable(member) is { } changes)
        {
            return No(changes.Problem);
        }

        if (member.DeclaringSyntaxReferences is not [var reference, ..])
        {
            return No("is in another assembly and not a constant");
        }

        var found = reference.GetSyntax(cancellationToken) switch
        {
            VariableDeclaratorSyntax field => Initializer(field.Initializer),
            PropertyDeclarationSyntax { ExpressionBody: { } arrow } => Body(arrow, null),
            PropertyDeclarationSyntax property => Property(property),
            MethodDeclarationSyntax method => Body(method.ExpressionBody, method.Body),
            _ => No("has no expression"),
        };
        return found.IsInitializer && IsUsedByStaticConstructor(member, cancellationToken) ? No("is used by the static constructor, which may assign it") : found;
    }

    /// <summary>Why a member may give different values at different times by what it is, and how it should be declared; null if it may not.</summary>
    public static (string Problem, string Instead)? Changeable(ISymbol member) => member switch
    {
        IFieldSymbol { IsReadOnly: false, IsConst: false } => ("is a field that is not readonly", "readonly"),
        IPropertySymbol { SetMethod: not null } => ("is a property that can be set", "a property with a getter only"),
        _ => null,
    };

    private static MemberBody Property(PropertyDeclarationSyntax property)
    {
        var getter = property.AccessorList?.Accessors.FirstOrDefault(static a => a.IsKind(SyntaxKind.GetAccessorDeclaration));
        return getter is { ExpressionBody: null, Body: null } ? Initializer(property.Initializer) : Body(getter?.ExpressionBody, getter?.Body);
    }

    private static MemberBody Initializer(EqualsValueClauseSyntax? initializer) =>
        initializer is null ? No("has no initializer") : new(Bare(initializer.Value), "", IsInitializer: true);

    private static MemberBody Body(ArrowExpressionClauseSyntax? arrow, BlockSyntax? block) =>
        (arrow?.Expression ?? (block is { Statements: [ReturnStatementSyntax { Expression: { } returned }] } ? returned : null)) is { } expression
            ? new(Bare(expression), "", IsInitializer: false)
            : No("is more than one expression");

    // The compiler has no operation for these.
    private static ExpressionSyntax Bare(ExpressionSyntax expression) => expression switch
    {
        ParenthesizedExpressionSyntax parentheses => Bare(parentheses.Expression),
        PostfixUnaryExpressionSyntax suppression when suppression.IsKind(SyntaxKind.SuppressNullableWarningExpression) => Bare(suppression.Operand),
        _ => expression,
    };

    private static bool IsUsedByStaticConstructor(ISymbol member, CancellationToken cancellationToken) => member.ContainingType.StaticConstructors
        .SelectMany(static c => c.DeclaringSyntaxReferences)
        .Any(r => r.GetSyntax(cancellationToken).DescendantTokens().Any(t => t.IsKind(SyntaxKind.IdentifierToken) && t.ValueText == member.Name));

    private static MemberBody No(string problem) => new(null, problem, IsInitializer: false);
}
