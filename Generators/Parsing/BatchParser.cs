using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>What [Batched] makes of a method: its list of elements and its list of results.</summary>
internal static class BatchParser
{
    private const string List = "System.Collections.Generic.List<T>";
    private const string ReadOnlyList = "System.Collections.Generic.IReadOnlyList<T>";
    private const int MaxSize = 1_000;
    private const int MaxWaitMs = 600_000;

    public static AttributeData? Attribute(IMethodSymbol method) => AttributeArguments.Find(method, KnownNames.Batched);

    /// <summary>What is wrong with a [Batched] method that is not a [Function]; null if it is one.</summary>
    public static DiagnosticModel? Stray(GeneratorAttributeSyntaxContext context) =>
        context.TargetSymbol is IMethodSymbol method && !method.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == KnownNames.Function)
            ? DiagnosticModel.Create(Descriptors.BatchWithoutFunction, method.Locations.FirstOrDefault(), method.Name)
            : null;

    /// <summary>The element of an array or list that a batched method may take or give; null for any other type.</summary>
    public static ITypeSymbol? Element(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol { Rank: 1 } array => array.ElementType,
        INamedTypeSymbol named when named.OriginalDefinition.ToDisplayString() is List or ReadOnlyList => named.TypeArguments[0],
        _ => null,
    };

    /// <summary>The parameter that holds the elements and the list of results; null with the reason in <paramref name="diagnostics"/>.</summary>
    public static (IParameterSymbol Elements, ITypeSymbol Results)? Shape(IMethodSymbol method, string name, List<DiagnosticModel> diagnostics)
    {
        var place = method.Locations.FirstOrDefault();
        var sent = method.Parameters.Where(p => p.Type.ToDisplayString() != KnownNames.CancellationToken).ToList();
        var definition = method.ReturnType.OriginalDefinition.ToDisplayString();
        var results = definition is "System.Threading.Tasks.Task<TResult>" or "System.Threading.Tasks.ValueTask<TResult>" ? ((INamedTypeSymbol)method.ReturnType).TypeArguments[0] : method.ReturnType;
        var problem = sent.Count != 1 ? $"it has {sent.Count} parameters"
            : Element(sent[0].Type) is null ? $"its parameter is '{TypeNames.Readable(sent[0].Type)}'"
            : sent[0].HasExplicitDefaultValue ? "its parameter has a default"
            : definition == "System.Collections.Generic.IAsyncEnumerable<T>" ? "it streams"
            : Element(results) is null ? $"its result is '{TypeNames.Readable(method.ReturnType)}'"
            : null;
        if (problem is null)
        {
            return (sent[0], results);
        }

        diagnostics.Add(DiagnosticModel.Create(Descriptors.BatchShape, place, name, problem));
        return null;
    }

    public static BatchModel? Settings(AttributeData batched, AttributeData function, IMethodSymbol method, string name, ITypeSymbol elements, ITypeSymbol results, List<DiagnosticModel> diagnostics)
    {
        var size = AttributeArguments.Number(batched, "MaxSize");
        var wait = AttributeArguments.Number(batched, "WaitMs");
        Require(size is >= 1 and <= MaxSize, batched, "MaxSize", size, "from 1 to 1,000", name, diagnostics);
        Require(wait is >= 0 and <= MaxWaitMs, batched, "WaitMs", wait, "from 0 to 600,000", name, diagnostics);
        var service = method.IsStatic ? null : method.ContainingType;
        var scaling = service?.GetAttributes().FirstOrDefault(a => a.AttributeClass?.ToDisplayString() == KnownNames.Service) ?? function;
        if (AttributeArguments.Number(scaling, "MaxConcurrentInputs") > 1)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.BatchAlone, method.Locations.FirstOrDefault(), name, "a container works on one batch at a time: remove MaxConcurrentInputs"));
        }

        if (service?.GetMembers().Any(m => !m.IsStatic && !SymbolEqualityComparer.Default.Equals(m, method) && m.GetAttributes().Any(a => a.AttributeClass?.ToDisplayString() == KnownNames.Function)) == true)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.BatchAlone, method.Locations.FirstOrDefault(), name, "its service has other functions, which would share its containers: move it to a service of its own"));
        }

        var element = TypeNames.Declared(Element(elements)!);
        var list = $"global::System.Collections.Generic.List<{element}>";
        return new BatchModel(
            size, wait, TypeNames.Declared(elements), list, elements is IArrayTypeSymbol ? "elements.ToArray()" : "elements", TypeNames.Declared(results), results is IArrayTypeSymbol ? "Length" : "Count");
    }

    private static void Require(bool holds, AttributeData attribute, string setting, int value, string allowed, string name, List<DiagnosticModel> diagnostics)
    {
        if (!holds)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.BatchRange, AttributeArguments.Place(attribute, setting), setting, name, value.ToString(System.Globalization.CultureInfo.InvariantCulture), allowed));
        }
    }
}
