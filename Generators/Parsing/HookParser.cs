using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>[Enter] and [Exit] methods of a service and its base classes.</summary>
internal static class HookParser
{
    /// <summary>Enter: base classes first. Exit: derived classes first, disposal last.</summary>
    public static (EquatableArray<HookModel> Enter, EquatableArray<HookModel> Exit) Parse(INamedTypeSymbol type, Compilation compilation, List<DiagnosticModel> diagnostics)
    {
        var levels = new List<INamedTypeSymbol>();
        for (var t = type; t is { SpecialType: not SpecialType.System_Object }; t = t.BaseType)
        {
            levels.Add(t);
        }

        var exit = levels.SelectMany(t => Hooks(t, KnownNames.Exit)).ToList();
        levels.Reverse();
        var enter = levels.SelectMany(t => Hooks(t, KnownNames.Enter)).ToList();
        var exits = Models(exit, "Exit", type, compilation, diagnostics);
        if (Disposal(type, compilation) is { } disposal)
        {
            exits.Add(disposal);
        }

        return (Models(enter, "Enter", type, compilation, diagnostics).ToEquatableArray(), exits.ToEquatableArray());
    }

    private static List<HookModel> Models(
        List<(IMethodSymbol Method, AttributeData Attribute)> hooks, string attribute, INamedTypeSymbol type, Compilation compilation, List<DiagnosticModel> diagnostics)
    {
        var result = new List<HookModel>();
        foreach (var (method, data) in hooks)
        {
            // An override runs where the overridden method is called; calling both would run it twice.
            if (hooks.Any(h => Overrides(method, h.Method)))
            {
                continue;
            }

            if (Problem(method, type, compilation) is { } problem)
            {
                diagnostics.Add(DiagnosticModel.Create(
                    Descriptors.Lifecycle, method.Locations.FirstOrDefault(), attribute, TypeNames.Readable(method.ContainingType) + "." + method.Name, problem));
                continue;
            }

            var snapshot = data.NamedArguments.Any(a => a is { Key: "Snapshot", Value.Value: true });
            var returns = method.ReturnsVoid ? HookReturn.Void : method.ReturnType.Name == "Task" ? HookReturn.Task : HookReturn.ValueTask;
            var call = $"{{0}}.{TypeNames.Escape(method.Name)}({(method.Parameters.Length == 1 ? "token" : "")})";
            result.Add(new HookModel(method.Name, call, returns, snapshot));
        }

        return result;
    }

    private static string? Problem(IMethodSymbol method, INamedTypeSymbol type, Compilation compilation)
    {
        if (method.IsStatic)
        {
            return "is static";
        }

        if (method.TypeParameters.Length > 0 || method.MethodKind != MethodKind.Ordinary)
        {
            return "is generic or not an ordinary method";
        }

        if (method.Parameters.Length > 1 || method.Parameters is [{ } only] && (only.Type.ToDisplayString() != KnownNames.CancellationToken || only.RefKind != RefKind.None))
        {
            return "takes other parameters";
        }

        if (!compilation.IsSymbolAccessibleWithin(method, type, type))
        {
            return $"is not accessible in '{TypeNames.Readable(type)}'";
        }

        if (method.IsAsync && method.ReturnsVoid)
        {
            return "is async void";
        }

        return method.ReturnsVoid || method.ReturnType.ToDisplayString() is "System.Threading.Tasks.Task" or "System.Threading.Tasks.ValueTask"
            ? null
            : $"returns '{TypeNames.Readable(method.ReturnType)}'";
    }

    private static HookModel? Disposal(INamedTypeSymbol type, Compilation compilation)
    {
        if (Implements("System.IAsyncDisposable"))
        {
            return new HookModel("DisposeAsync", "((global::System.IAsyncDisposable){0}).DisposeAsync()", HookReturn.ValueTask, false);
        }

        return Implements("System.IDisposable") ? new HookModel("Dispose", "((global::System.IDisposable){0}).Dispose()", HookReturn.Void, false) : null;

        bool Implements(string name) => compilation.GetTypeByMetadataName(name) is { } i && type.AllInterfaces.Contains(i, SymbolEqualityComparer.Default);
    }

    private static bool Overrides(IMethodSymbol method, IMethodSymbol other)
    {
        for (var m = method.OverriddenMethod; m is not null; m = m.OverriddenMethod)
        {
            if (SymbolEqualityComparer.Default.Equals(m, other))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<(IMethodSymbol Method, AttributeData Attribute)> Hooks(INamedTypeSymbol type, string attribute) =>
        from method in type.GetMembers().OfType<IMethodSymbol>()
        let data = method.GetAttributes().FirstOrDefault(a => a.AttributeClass?.ToDisplayString() == attribute)
        where data is not null
        select (method, data);
}
