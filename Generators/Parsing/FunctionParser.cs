using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>From a [Function] attribute to a model.</summary>
internal static class FunctionParser
{
    public static Parsed<FunctionModel> Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellationToken)
    {
        var diagnostics = new List<DiagnosticModel>();
        var remarks = new List<DiagnosticModel>();
        var graph = new TypeGraph(context.SemanticModel.Compilation, cancellationToken);
        var model = context.TargetSymbol is IMethodSymbol method ? Parse(context, method, graph, diagnostics, remarks, cancellationToken) : null;
        return diagnostics.Count == 0 && model is not null
            ? new Parsed<FunctionModel>(model, graph.Codecs.ToEquatableArray(), remarks.ToEquatableArray())
            : new Parsed<FunctionModel>(null, default, diagnostics.Concat(remarks).Distinct().ToEquatableArray());
    }

    private static FunctionModel? Parse(
        GeneratorAttributeSyntaxContext context, IMethodSymbol method, TypeGraph graph, List<DiagnosticModel> diagnostics, List<DiagnosticModel> remarks, CancellationToken cancellationToken)
    {
        var compilation = context.SemanticModel.Compilation;
        var identifier = method.Locations.FirstOrDefault();
        if (NotOrdinary(method) is { } kind)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.NotOrdinary, identifier, method.Name, kind));
            return null;
        }

        var type = method.ContainingType;
        var owner = OwnerParser.Parse(type, compilation, diagnostics);
        var name = TypeNames.Readable(type) + "." + method.Name;
        CheckMethod(method, name, identifier, diagnostics);
        var attribute = context.Attributes[0];
        var image = OptionsParser.ParseImage(attribute, type, compilation, diagnostics, remarks, cancellationToken);
        var secrets = OptionsParser.ParseSecrets(attribute, type, compilation, diagnostics);
        MountParser.Refuse(method, diagnostics);
        var mounts = method.IsStatic ? MountParser.Parse(method, type, compilation, diagnostics) : EquatableArray<MountModel>.Empty;
        var signature = new SignatureParser(graph, diagnostics, cancellationToken);
        if (method.TypeParameters.Length > 0)
        {
            return null;
        }

        BatchModel? batch = null;
        EquatableArray<ParameterModel> parameters;
        ReturnModel result;
        if (BatchParser.Attribute(method) is { } batched)
        {
            if (method.Parameters.Any(p => p.RefKind != RefKind.None) || BatchParser.Shape(method, name, diagnostics) is not { } shape)
            {
                signature.Parameters(method, name, tokens: true);
                return null;
            }

            batch = BatchParser.Settings(batched, attribute, method, name, shape.Elements.Type, shape.Results, diagnostics);
            parameters = signature.Elements(method, name, BatchParser.Element(shape.Elements.Type)!);
            result = signature.Result(method, name, BatchParser.Element(shape.Results)!, isAwaited: !SymbolEqualityComparer.Default.Equals(shape.Results, method.ReturnType));
        }
        else
        {
            parameters = signature.Parameters(method, name, tokens: true);
            result = signature.Return(method, name);
        }

        var clusterSize = method.IsStatic ? ClusterParser.Size(method, name, attribute, diagnostics) : 0;
        if (owner is null || diagnostics.Count > 0)
        {
            return null;
        }

        var isPublic = !OwnerParser.IsVisibleOutside(type)
            || (OwnerParser.IsVisibleOutside(method.ReturnType) && method.Parameters.All(p => OwnerParser.IsVisibleOutside(p.Type)));
        return new FunctionModel(
            owner, method.Name, TypeNames.Escape(method.Name), method.IsStatic, isPublic, parameters, result, OptionsParser.Parse(attribute), image, mounts, DocsParser.Parse(context.TargetNode), batch, clusterSize, secrets);
    }

    private static void CheckMethod(IMethodSymbol method, string name, Location? identifier, List<DiagnosticModel> diagnostics)
    {
        if (method.TypeParameters.Length > 0)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Generic, identifier, name));
        }

        if (method.IsAsync && method.ReturnsVoid)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.AsyncVoid, identifier, method.Name));
        }

        if (method.ContainingType.GetMembers(method.Name).Count(m => HasAttribute(m, KnownNames.Function)) > 1)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.Overload, identifier, name));
        }

        if (!method.IsStatic && !HasAttribute(method.ContainingType, KnownNames.Service))
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.InstanceMethod, identifier, name, TypeNames.Readable(method.ContainingType)));
        }
    }

    private static string? NotOrdinary(IMethodSymbol method) => method.MethodKind switch
    {
        MethodKind.LocalFunction => "a local function, which nothing outside its method can reach",
        MethodKind.AnonymousFunction => "a lambda, which has no name to be found by",
        MethodKind.ExplicitInterfaceImplementation => "an explicit implementation of an interface, which cannot be called by its name",
        MethodKind.Ordinary => method is { IsStatic: true, IsAbstract: true } ? "abstract, so there is nothing to run" : null,
        _ => "an accessor or operator",
    };

    private static bool HasAttribute(ISymbol symbol, string name) => symbol.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == name);
}
