using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>From a class with [Service] to its model or what is wrong with it.</summary>
internal static class ServiceParser
{
    public const string Attribute = "Modal.ServiceAttribute";
    private const string EnterAttribute = "Modal.EnterAttribute";
    private const string ExitAttribute = "Modal.ExitAttribute";

    public static ParsedService Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellationToken)
    {
        var diagnostics = new List<DiagnosticModel>();
        var syntax = (TypeDeclarationSyntax)context.TargetNode;
        var type = (INamedTypeSymbol)context.TargetSymbol;
        var location = syntax.Identifier.GetLocation();
        var shape = type switch
        {
            { IsStatic: true } => "is static; a service is made once per container, so it needs instances",
            { IsAbstract: true } => "is abstract; mark the class that is made",
            { TypeKind: not TypeKind.Class } => "is not a class",
            _ => null,
        };
        var container = shape is null ? Containers.Parse(type, syntax, type.Name, location, diagnostics) : null;
        var constructors = type.InstanceConstructors.Where(c => Accessibilities.IsReachable(c) && !(type.IsRecord && c.Parameters.Length == 1 && SymbolEqualityComparer.Default.Equals(c.Parameters[0].Type, type))).ToList();
        shape ??= constructors.Count switch
        {
            0 => "has no constructor that generated code can reach; make one internal or public",
            1 => null,
            _ => "has several constructors; keep one, whose parameters are the service's parameters",
        };
        if (shape is not null)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ServiceShape, location, type.Name, shape));
        }

        if (shape is not null || container is null)
        {
            return Failed(diagnostics);
        }

        var graph = new TypeGraph(cancellationToken);
        var list = constructors[0].DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellationToken) switch
        {
            ConstructorDeclarationSyntax c => c.ParameterList,
            TypeDeclarationSyntax t => t.ParameterList,
            _ => null,
        };
        var parameters = FunctionParser.Parameters(constructors[0], list, type.Name, graph, diagnostics);
        var functions = Functions(type, diagnostics, cancellationToken);
        var enter = Hooks(type, EnterAttribute, diagnostics);
        var exit = Hooks(type, ExitAttribute, diagnostics);
        exit.AddRange(Disposal(type));
        var options = Options.Parse(context.Attributes[0], type, location, diagnostics);
        if (diagnostics.Count > 0)
        {
            return Failed(diagnostics);
        }

        var types = graph.Definitions.Concat(functions.SelectMany(f => f.Types)).GroupBy(t => t.Name).Select(g => g.First()).OrderBy(t => t.Name, StringComparer.Ordinal);
        return new ParsedService(
            new ServiceModel(
                container, Documentation.Of(syntax), new EquatableArray<ParameterModel>(parameters), new EquatableArray<FunctionModel>(functions), new EquatableArray<HookModel>(enter),
                new EquatableArray<HookModel>(exit), options, parameters.All(p => p.Type.IsPublic), new EquatableArray<TypeDefinition>(types)),
            EquatableArray<DiagnosticModel>.Empty);
    }

    private static List<FunctionModel> Functions(INamedTypeSymbol type, List<DiagnosticModel> diagnostics, CancellationToken cancellationToken)
    {
        var functions = new List<FunctionModel>();
        foreach (var method in type.GetMembers().OfType<IMethodSymbol>().Where(FunctionParser.IsFunction))
        {
            if (method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellationToken) is not MethodDeclarationSyntax declaration)
            {
                continue;
            }

            var attribute = method.GetAttributes().First(a => a.AttributeClass?.ToDisplayString() == FunctionParser.Attribute);
            if (FunctionParser.Parse(method, declaration, attribute, diagnostics, cancellationToken) is { } function)
            {
                functions.Add(function);
            }
        }

        return functions;
    }

    private static List<HookModel> Hooks(INamedTypeSymbol type, string attributeName, List<DiagnosticModel> diagnostics)
    {
        var chain = new Stack<INamedTypeSymbol>();
        for (INamedTypeSymbol? t = type; t is not null; t = t.BaseType)
        {
            chain.Push(t);
        }

        var hooks = new List<HookModel>();
        foreach (var method in chain.SelectMany(t => t.GetMembers().OfType<IMethodSymbol>()))
        {
            if (method.GetAttributes().FirstOrDefault(a => a.AttributeClass?.ToDisplayString() == attributeName) is not { } attribute)
            {
                continue;
            }

            var (returns, awaits, _) = FunctionParser.Return(method.ReturnType);
            var takesToken = method.Parameters.Length == 1 && method.Parameters[0].Type.ToDisplayString() == "System.Threading.CancellationToken";
            if (returns != ReturnKind.Nothing || method.IsStatic || method.IsGenericMethod || (method.IsAsync && method.ReturnsVoid) || (method.Parameters.Length > 0 && !takesToken)
                || (method.DeclaredAccessibility == Accessibility.Private && !SymbolEqualityComparer.Default.Equals(method.ContainingType, type)))
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.Hook, method.Locations[0], method.Name));
                continue;
            }

            var snapshot = attribute.NamedArguments.FirstOrDefault(a => a.Key == "Snapshot").Value.Value is true;
            hooks.Add(new HookModel(method.Name, $"{Containers.Identifier(method.Name)}({(takesToken ? "cancellationToken" : "")})", awaits, snapshot));
        }

        return hooks;
    }

    private static IEnumerable<HookModel> Disposal(INamedTypeSymbol type)
    {
        if (type.AllInterfaces.Any(i => i.ToDisplayString() == "System.IAsyncDisposable"))
        {
            yield return new HookModel("DisposeAsync", "global::System.IAsyncDisposable", AwaitKind.ValueTask, Snapshot: false);
        }
        else if (type.AllInterfaces.Any(i => i.SpecialType == SpecialType.System_IDisposable))
        {
            yield return new HookModel("Dispose", "global::System.IDisposable", AwaitKind.None, Snapshot: false);
        }
    }

    private static ParsedService Failed(List<DiagnosticModel> diagnostics) => new(null, new EquatableArray<DiagnosticModel>(diagnostics));
}
