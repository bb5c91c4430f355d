using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>Parameters and results of methods and constructors.</summary>
internal sealed class SignatureParser(TypeGraph graph, List<DiagnosticModel> diagnostics, CancellationToken cancellationToken)
{
    /// <summary>All parameters; <paramref name="tokens"/> tells whether a cancellation token is filled in rather than refused.</summary>
    public EquatableArray<ParameterModel> Parameters(IMethodSymbol method, string name, bool tokens)
    {
        var result = new List<ParameterModel>();
        // C# wants parameters with defaults last; a params array that is carried as an ordinary one takes the defaults before it away.
        var keepDefaults = method.Parameters.LastOrDefault() is not { IsParams: true };
        foreach (var parameter in method.Parameters)
        {
            if (parameter.RefKind != RefKind.None)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.ByReference, Place(parameter), $"Parameter '{parameter.Name}'", name));
                continue;
            }

            var isToken = tokens && parameter.Type.ToDisplayString() == KnownNames.CancellationToken;
            var use = isToken ? null : Use(parameter.Type, $"Parameter '{parameter.Name}'", name, (Place(parameter)));
            var fallback = parameter.HasExplicitDefaultValue && keepDefaults ? TypeNames.Constant(parameter.Type, parameter.ExplicitDefaultValue) : null;
            result.Add(new ParameterModel(
                TypeNames.Escape(parameter.Name), TypeNames.Declared(parameter.Type), fallback, parameter.IsParams && parameter.Type is IArrayTypeSymbol, use));
        }

        return result.ToEquatableArray();
    }

    /// <summary>The parameters of a batched method, with the element in place of the list.</summary>
    public EquatableArray<ParameterModel> Elements(IMethodSymbol method, string name, ITypeSymbol element) => method.Parameters
        .Select(p => p.Type.ToDisplayString() == KnownNames.CancellationToken
            ? new ParameterModel(TypeNames.Escape(p.Name), TypeNames.Declared(p.Type), p.HasExplicitDefaultValue ? TypeNames.Constant(p.Type, p.ExplicitDefaultValue) : null, false, null)
            : new ParameterModel(TypeNames.Escape(p.Name), TypeNames.Declared(element), null, false, Use(element, $"An element of parameter '{p.Name}'", name, Place(p))))
        .ToEquatableArray();

    /// <summary>What a batched method gives back for one element.</summary>
    public ReturnModel Result(IMethodSymbol method, string name, ITypeSymbol result, bool isAwaited) => new(
        isAwaited ? ReturnKind.AwaitableValue : ReturnKind.Value, TypeNames.Declared(method.ReturnType), TypeNames.Declared(result), Use(result, "An element of the result", name, PlaceOfReturn(method)));

    /// <summary>What the method gives back.</summary>
    public ReturnModel Return(IMethodSymbol method, string name)
    {
        var declared = TypeNames.Declared(method.ReturnType);
        var place = PlaceOfReturn(method);
        if (method.ReturnsByRef || method.ReturnsByRefReadonly)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ByReference, place, "The result", name));
        }

        if (method.ReturnsVoid)
        {
            return new ReturnModel(ReturnKind.Void, declared, null, null);
        }

        var definition = method.ReturnType.OriginalDefinition.ToDisplayString();
        var argument = (method.ReturnType as INamedTypeSymbol)?.TypeArguments.FirstOrDefault();
        return definition switch
        {
            "System.Threading.Tasks.Task" or "System.Threading.Tasks.ValueTask" => new ReturnModel(ReturnKind.Awaitable, declared, null, null),
            "System.Threading.Tasks.Task<TResult>" or "System.Threading.Tasks.ValueTask<TResult>" => Result(ReturnKind.AwaitableValue, argument!),
            "System.Collections.Generic.IAsyncEnumerable<T>" => Result(ReturnKind.Stream, argument!),
            _ => Result(ReturnKind.Value, method.ReturnType),
        };

        ReturnModel Result(ReturnKind kind, ITypeSymbol type) => new(kind, declared, TypeNames.Declared(type), Use(type, "The result", name, place));
    }

    private TypeUse? Use(ITypeSymbol type, string what, string name, Location? place)
    {
        if (graph.Add(type) is { } use)
        {
            return use;
        }

        // A type that does not exist is the compiler's to report.
        diagnostics.Add(graph.Inaccessible is { } hidden
            ? DiagnosticModel.Create(Descriptors.Inaccessible, place, TypeNames.Readable(hidden), TypeNames.Readable(hidden))
            : DiagnosticModel.Create(Descriptors.UnsupportedType, place, what, name, graph.Problem ?? "not supported"));
        return null;
    }

    private Location? Place(IParameterSymbol parameter) =>
        parameter.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellationToken) is ParameterSyntax { Type: { } type } ? type.GetLocation() : parameter.Locations.FirstOrDefault();

    private Location? PlaceOfReturn(IMethodSymbol method) =>
        method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellationToken) is MethodDeclarationSyntax syntax ? syntax.ReturnType.GetLocation() : method.Locations.FirstOrDefault();
}
