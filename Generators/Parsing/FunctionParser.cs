using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>From a method with [Function] to its model or what is wrong with it.</summary>
internal static class FunctionParser
{
    public const string Attribute = "Modal.FunctionAttribute";

    /// <summary>A function outside services; null for a service's, which its service parses.</summary>
    public static ParsedFunction? Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellationToken)
    {
        var diagnostics = new List<DiagnosticModel>();
        if (context.TargetNode is LocalFunctionStatementSyntax local)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.LocalFunction, local.Identifier.GetLocation(), local.Identifier.Text));
            return Failed(diagnostics);
        }

        var method = (IMethodSymbol)context.TargetSymbol;
        if (method.ContainingType.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == ServiceParser.Attribute))
        {
            return null;
        }

        var location = ((MethodDeclarationSyntax)context.TargetNode).Identifier.GetLocation();
        if (!method.IsStatic)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.InstanceMethod, location, method.Name));
            return Failed(diagnostics);
        }

        var container = Containers.Parse(method.ContainingType, context.TargetNode.Parent!, method.Name, location, diagnostics);
        if (container is null)
        {
            return Failed(diagnostics);
        }

        var function = Parse(method, (MethodDeclarationSyntax)context.TargetNode, context.Attributes[0], diagnostics, cancellationToken);
        return function is null ? Failed(diagnostics) : new ParsedFunction(container, function, EquatableArray<DiagnosticModel>.Empty);
    }

    /// <summary>The model of a method, static or of a service; null with diagnostics.</summary>
    public static FunctionModel? Parse(
        IMethodSymbol method, MethodDeclarationSyntax syntax, AttributeData attribute, List<DiagnosticModel> diagnostics, CancellationToken cancellationToken)
    {
        var location = syntax.Identifier.GetLocation();
        var before = diagnostics.Count;
        if (method.IsGenericMethod)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Generic, location, method.Name));
        }

        if (method.IsAsync && method.ReturnsVoid)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.AsyncVoid, location, method.Name));
        }

        if (method.ContainingType.GetMembers(method.Name).OfType<IMethodSymbol>().Count(IsFunction) > 1)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Overload, location, method.ContainingType.Name, method.Name));
        }

        var graph = new TypeGraph(cancellationToken);
        var parameters = Parameters(method, syntax.ParameterList, method.Name, graph, diagnostics);
        var (returns, awaits, resultType) = Return(method.ReturnType);
        TypeReference? result = null;
        if (resultType is not null)
        {
            result = graph.Resolve(resultType, "the result");
            ReportFault(graph, "The result", method.Name, syntax.ReturnType.GetLocation(), diagnostics);
        }

        var options = Options.Parse(attribute, method.ContainingType, location, diagnostics);
        if (diagnostics.Count > before)
        {
            return null;
        }

        return new FunctionModel(
            Containers.Identifier(method.Name),
            $"{Containers.MetadataName(method.ContainingType)}.{method.Name}",
            Documentation.Of(syntax),
            method.IsStatic,
            new EquatableArray<ParameterModel>(parameters),
            returns,
            awaits,
            result,
            TypeGraph.AnnotatedNameOf(method.ReturnType),
            options,
            parameters.All(p => p.Type.IsPublic) && result?.IsPublic != false,
            graph.Definitions);
    }

    /// <summary>Parameters of a function or constructor.</summary>
    public static List<ParameterModel> Parameters(IMethodSymbol method, BaseParameterListSyntax? list, string function, TypeGraph graph, List<DiagnosticModel> diagnostics)
    {
        var parameters = new List<ParameterModel>();
        foreach (var parameter in method.Parameters)
        {
            var syntax = list?.Parameters.FirstOrDefault(p => p.Identifier.ValueText == parameter.Name);
            var place = syntax?.GetLocation() ?? method.Locations[0];
            if (parameter.RefKind != RefKind.None)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.ReferenceParameter, place, parameter.Name, function));
                continue;
            }

            var name = Containers.Identifier(parameter.Name);
            if (parameter.Type.ToDisplayString() == "System.Threading.CancellationToken")
            {
                var token = new TypeReference("global::System.Threading.CancellationToken", "global::System.Threading.CancellationToken", CodecKind.WellKnown, "", false, true);
                parameters.Add(new ParameterModel(name, token, Literals.DefaultOf(parameter), IsCancellationToken: true));
                continue;
            }

            var type = graph.Resolve(parameter.Type, parameter.Name);
            ReportFault(graph, $"Parameter '{parameter.Name}'", function, syntax?.Type?.GetLocation() ?? place, diagnostics);
            if (type is not null)
            {
                parameters.Add(new ParameterModel(name, type, Literals.DefaultOf(parameter), IsCancellationToken: false));
            }
        }

        return parameters;
    }

    public static bool IsFunction(ISymbol symbol) => symbol.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == Attribute);

    /// <summary>What a return type means.</summary>
    public static (ReturnKind Returns, AwaitKind Awaits, ITypeSymbol? Result) Return(ITypeSymbol type)
    {
        if (type.SpecialType == SpecialType.System_Void)
        {
            return (ReturnKind.Nothing, AwaitKind.None, null);
        }

        if (type is INamedTypeSymbol named)
        {
            switch (named.OriginalDefinition.ToDisplayString())
            {
                case "System.Threading.Tasks.Task":
                    return (ReturnKind.Nothing, AwaitKind.Task, null);
                case "System.Threading.Tasks.ValueTask":
                    return (ReturnKind.Nothing, AwaitKind.ValueTask, null);
                case "System.Threading.Tasks.Task<TResult>":
                    return (ReturnKind.Value, AwaitKind.Task, named.TypeArguments[0]);
                case "System.Threading.Tasks.ValueTask<TResult>":
                    return (ReturnKind.Value, AwaitKind.ValueTask, named.TypeArguments[0]);
                case "System.Collections.Generic.IAsyncEnumerable<T>" or "System.Collections.Generic.IAsyncEnumerable<out T>":
                    return (ReturnKind.Stream, AwaitKind.None, named.TypeArguments[0]);
            }
        }

        return (ReturnKind.Value, AwaitKind.None, type);
    }

    public static void ReportFault(TypeGraph graph, string what, string function, Location location, List<DiagnosticModel> diagnostics)
    {
        if (graph.Fault is { } fault && !diagnostics.Any(d => d.Id == Descriptors.UnsupportedType.Id && d.Arguments[2] == Path(fault)))
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.UnsupportedType, location, what, function, Path(fault), fault.Reason));
        }

        static string Path((string Path, string Type, string Reason) fault) => $"{fault.Path} ({fault.Type})";
    }

    private static ParsedFunction Failed(List<DiagnosticModel> diagnostics) => new(null, null, new EquatableArray<DiagnosticModel>(diagnostics));
}
