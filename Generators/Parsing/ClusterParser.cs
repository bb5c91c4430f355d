using System.Globalization;
using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>What [Clustered] makes of a static function or a service: the number of containers that take each input together.</summary>
internal static class ClusterParser
{
    private const int MaxSize = 64;
    private static readonly string[] s_multiples = ["MinContainers", "MaxContainers", "BufferContainers"];

    /// <summary>What is wrong with a [Clustered] method or class for which no container is started; null if there are such.</summary>
    public static DiagnosticModel? Stray(GeneratorAttributeSyntaxContext context)
    {
        var symbol = context.TargetSymbol;
        var problem = symbol is IMethodSymbol method
            ? AttributeArguments.Find(method, KnownNames.Function) is null ? "is no [Function], so it has no containers: add [Function], or remove [Clustered]"
            : method.IsStatic ? null : "shares the containers of its service: put [Clustered] on the class"
            : AttributeArguments.Find(symbol, KnownNames.Service) is null ? "is no [Service], so it has no containers: put [Clustered] on its static functions"
            : null;
        return problem is null ? null : DiagnosticModel.Create(Descriptors.ClusterWithoutContainers, symbol.Locations.FirstOrDefault(), symbol.Name, problem);
    }

    /// <summary>Containers of a cluster; zero if it is not clustered.</summary>
    /// <param name="symbol">The method or class.</param>
    /// <param name="name">For messages.</param>
    /// <param name="scaling">The attribute that says how many containers there are.</param>
    /// <param name="diagnostics">Gets what is wrong.</param>
    public static int Size(ISymbol symbol, string name, AttributeData scaling, List<DiagnosticModel> diagnostics)
    {
        if (AttributeArguments.Find(symbol, KnownNames.Clustered) is not { } clustered)
        {
            return 0;
        }

        var size = AttributeArguments.Number(clustered, "Size");
        if (size is < 2 or > MaxSize)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ClusterSize, AttributeArguments.Place(clustered, "Size"), name, Text(size)));
            return 0;
        }

        foreach (var setting in s_multiples)
        {
            var containers = AttributeArguments.Number(scaling, setting);
            if (containers % size != 0)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.ClusterMultiple, AttributeArguments.Place(scaling, setting), setting, name, Text(containers), Text(size)));
            }
        }

        var members = symbol is INamedTypeSymbol type ? type.GetMembers() : [symbol];
        foreach (var batched in members.Where(m => !m.IsStatic || m.Equals(symbol, SymbolEqualityComparer.Default)).Where(m => AttributeArguments.Find(m, KnownNames.Batched) is not null))
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.ClusterBatched, batched.Locations.FirstOrDefault(), name));
        }

        return size;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
