using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Operations;
using Modal.Generators.Model;
using Modal.Generators.Parsing;

namespace Modal.Generators.Folding;

/// <summary>
/// Evaluates the member that gives an image, as far as all that it reads is constant. For one member and one compilation: the first thing that cannot be known ends it and is
/// kept as the reason. What it makes is what the program makes when it runs, or nothing.
/// </summary>
internal sealed partial class ImageFolder
{
    // Users decide how deep and how wide their code is. The compiler must neither overflow its stack, which is about 1 MB, nor keep an editor waiting.
    private const int MaxDepth = 200;
    private const int MaxSteps = 10_000;

    private readonly Compilation _compilation;
    private readonly CancellationToken _cancellationToken;
    private readonly List<(ISymbol Member, bool IsInitializer)> _path = [];
    private int _depth;
    private int _steps;
    private string? _reason;
    private DiagnosticModel? _fault;

    private ImageFolder(Compilation compilation, CancellationToken cancellationToken)
    {
        _compilation = compilation;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Evaluates a member.</summary>
    /// <param name="member">A static field, property or method without parameters, whose type is <c>Image</c>.</param>
    /// <param name="compilation">The one that the member belongs to.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static FoldResult Fold(ISymbol member, Compilation compilation, CancellationToken cancellationToken)
    {
        var folder = new ImageFolder(compilation, cancellationToken);
        return folder.Member(member)?.Value is FoldedImage image
            ? new FoldResult(image.Layers.Select(static l => l.ToJson()).ToEquatableArray(), null, null)
            : new FoldResult(default, folder._reason ?? $"{TypeNames.Member(member)} is null", folder._fault);
    }

    private Folded? Member(ISymbol member)
    {
        member = member.OriginalDefinition;
        var name = TypeNames.Member(member);
        if (_path.Exists(m => SymbolEqualityComparer.Default.Equals(m.Member, member)))
        {
            return Stop($"{name} refers to itself");
        }

        var body = MemberBody.Find(member, _cancellationToken);
        if (body.Expression is not { } expression)
        {
            return Stop($"{name} {body.Problem}");
        }

        if (body.IsInitializer && _path.Find(m => m.IsInitializer && IsNotBefore(member, m.Member)) is { Member: { } reader })
        {
            return Stop($"{name} is not yet initialized where {TypeNames.Member(reader)} reads it");
        }

        _path.Add((member, body.IsInitializer));
        var value = Value(_compilation.GetSemanticModel(expression.SyntaxTree).GetOperation(expression, _cancellationToken), expression);
        _path.RemoveAt(_path.Count - 1);
        return value;
    }

    // Initializers of a type run in the order of the text; between the files of a partial type there is no order to rely on.
    private static bool IsNotBefore(ISymbol member, ISymbol reader) =>
        SymbolEqualityComparer.Default.Equals(member.ContainingType, reader.ContainingType)
        && !(member.Locations[0].SourceTree == reader.Locations[0].SourceTree && member.Locations[0].SourceSpan.Start < reader.Locations[0].SourceSpan.Start);

    private Folded? Value(IOperation? operation, SyntaxNode syntax)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        if (++_steps > MaxSteps || _depth == MaxDepth)
        {
            return Stop("it is too large for the compiler to evaluate");
        }

        _depth++;
        var value = Evaluate(operation, syntax);
        _depth--;
        return value;
    }

    private Folded? Value(IOperation operation) => Value(operation, operation.Syntax);

    private Folded? Evaluate(IOperation? operation, SyntaxNode syntax) => operation switch
    {
        { ConstantValue: { HasValue: true, Value: var constant } } => new Folded(constant, syntax),
        // Between values a conversion makes another value, between references the same one of another type.
        IConversionOperation { OperatorMethod: null, Type.IsReferenceType: true } conversion => Value(conversion.Operand),
        IFieldReferenceOperation { Field: { Name: "Empty", ContainingType.SpecialType: SpecialType.System_String } } => new Folded("", syntax),
        IFieldReferenceOperation { Field.AssociatedSymbol: not null } => Stop(NotConstant(null, syntax)),
        // A fault is shown where the value is used.
        IFieldReferenceOperation { Field: { IsStatic: true } field } => Member(field) is { } value ? value with { Syntax = syntax } : null,
        IPropertyReferenceOperation { Property: { IsStatic: true, Parameters.Length: 0 } property } => Member(property) is { } value ? value with { Syntax = syntax } : null,
        IInvocationOperation invocation => Invocation(invocation),
        IObjectCreationOperation creation => Creation(creation),
        IArrayCreationOperation { DimensionSizes.Length: 1, Initializer: { } initializer } => List(initializer.ElementValues, syntax),
        IArrayCreationOperation { DimensionSizes: [{ ConstantValue: { HasValue: true, Value: 0 } }], Initializer: null } => List([], syntax),
        ICollectionExpressionOperation collection when IsList(collection.Type) => List(collection.Elements, syntax),
        IInterpolatedStringOperation text => Interpolation(text),
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Add, OperatorMethod: null, Type.SpecialType: SpecialType.System_String } sum => Text([sum.LeftOperand, sum.RightOperand], syntax),
        _ => Unknown(operation, syntax),
    };

    /// <summary>Ends it with what the operation rests on, or with the operation itself if that is constant.</summary>
    private Folded? Unknown(IOperation? operation, SyntaxNode syntax)
    {
        // Whether a part is evaluated when the program runs is not known, so that it may be wrong.
        var fault = _fault;
        var isConstant = operation is null || operation.ChildOperations.All(c => Value(c) is not null);
        _fault = fault;
        return isConstant ? Stop(NotConstant(operation, syntax)) : null;
    }

    private Folded? Invocation(IInvocationOperation invocation)
    {
        var method = invocation.TargetMethod;
        return method.ContainingType.ToDisplayString() switch
        {
            KnownNames.Image => ImageCall(invocation),
            KnownNames.Secret => SecretCall(invocation),
            "System.Array" when method is { Name: "Empty", Parameters.Length: 0 } => List([], invocation.Syntax),
            _ when method is { IsStatic: true, Parameters.Length: 0, TypeParameters.Length: 0 } && method.DeclaringSyntaxReferences.Length > 0 =>
                Member(method) is { } value ? value with { Syntax = invocation.Syntax } : null,
            _ => Stop(NotConstant(invocation, invocation.Syntax)),
        };
    }

    /// <summary>Ends it with a reason, unless there is one already.</summary>
    private Folded? Stop(string reason)
    {
        _reason ??= reason;
        return null;
    }

    private static string NotConstant(IOperation? operation, SyntaxNode syntax) => operation switch
    {
        IInvocationOperation { TargetMethod: { } method } => $"{TypeNames.Member(method)} is not constant",
        IMemberReferenceOperation { Member: { } member } => $"{TypeNames.Member(member)} is not constant",
        IInvalidOperation => $"{Shown(syntax)} does not compile",
        _ => $"{Shown(syntax)} is not constant",
    };

    private static string Shown(SyntaxNode syntax)
    {
        // Enough to recognise it; a whole lambda would swell the manifest.
        const int MaxLength = 80;
        var text = syntax.NormalizeWhitespace(" ", " ").ToString();
        return text.Length <= MaxLength ? $"'{text}'" : $"'{text.Substring(0, MaxLength)}...'";
    }
}
