using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;
using Modal.Protocol;

namespace Modal.Generators.Parsing;

/// <summary>The [Mount] attributes of a function or a service.</summary>
internal static class MountParser
{
    /// <summary>Reads them.</summary>
    /// <param name="symbol">The method or class.</param>
    /// <param name="owner">The type that has the members which give the volumes.</param>
    /// <param name="compilation">Says what can be used where.</param>
    /// <param name="diagnostics">Gets what is wrong.</param>
    public static EquatableArray<MountModel> Parse(ISymbol symbol, INamedTypeSymbol owner, Compilation compilation, List<DiagnosticModel> diagnostics)
    {
        var mounts = new List<MountModel>();
        foreach (var attribute in symbol.GetAttributes().Where(static a => a.AttributeClass?.ToDisplayString() == KnownNames.Mount))
        {
            if (attribute.ConstructorArguments is not [{ Value: string path }, { Value: string name }])
            {
                continue;
            }

            var before = diagnostics.Count;
            if (VolumePaths.FindFault(path) is { } fault)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.MountPath, Place(attribute, 0), path, fault));
            }

            var trimmed = path.TrimEnd('/');
            if (mounts.FirstOrDefault(m => m.Path.TrimEnd('/') is var other && ((trimmed + "/").StartsWith(other + "/", StringComparison.Ordinal) || other.StartsWith(trimmed + "/", StringComparison.Ordinal))) is { } there)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.MountTwice, Place(attribute, 0), path, there.Path == path ? "has a volume already" : $"and '{there.Path}' are not beside each other"));
            }
            else if (mounts.FirstOrDefault(m => m.Name == name) is { } same)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.MountTwice, Place(attribute, 1), name, $"is at '{same.Path}' already, and a volume has one path in a container"));
            }

            if (FindProblem(owner, name, compilation, out var expression) is { } problem)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.MountMember, Place(attribute, 1), name, TypeNames.Readable(owner), problem));
            }

            if (diagnostics.Count == before)
            {
                mounts.Add(new MountModel(path, name, expression));
            }
        }

        return mounts.ToEquatableArray();
    }

    /// <summary>Says that a method of a service has mounts, which its containers share.</summary>
    public static void Refuse(IMethodSymbol method, List<DiagnosticModel> diagnostics)
    {
        if (!method.IsStatic && method.GetAttributes().FirstOrDefault(static a => a.AttributeClass?.ToDisplayString() == KnownNames.Mount) is { } attribute)
        {
            diagnostics.Add(DiagnosticModel.Create(Descriptors.MountOnMethod, attribute.ApplicationSyntaxReference?.GetSyntax().GetLocation(), method.Name, TypeNames.Readable(method.ContainingType)));
        }
    }

    private static string? FindProblem(INamedTypeSymbol owner, string name, Compilation compilation, out string expression)
    {
        expression = "";
        var members = new List<ISymbol>();
        for (var t = owner; t is not null && members.Count == 0; t = t.BaseType)
        {
            members.AddRange(t.GetMembers(name).Where(m => compilation.IsSymbolAccessibleWithin(m, owner)));
        }

        if (members.Count != 1)
        {
            return members.Count == 0 ? $"'{TypeNames.Readable(owner)}' has no member of that name" : "it has overloads, so name a property or a field";
        }

        var found = members[0];
        expression = $"{TypeNames.Identity(found.ContainingType)}.{TypeNames.Escape(name)}{(found is IMethodSymbol ? "()" : "")}";
        var type = found switch
        {
            IPropertySymbol { GetMethod: not null } p => p.Type,
            IFieldSymbol f => f.Type,
            IMethodSymbol { Parameters.Length: 0, TypeParameters.Length: 0 } m => m.ReturnType,
            _ => null,
        };
        return type is null ? "it must be a property, a field or a method without parameters"
            : !found.IsStatic ? "it must be static, since the volume is needed before there is an instance"
            : type.ToDisplayString() != KnownNames.Volume ? $"its type is '{TypeNames.Readable(type)}' and must be 'Volume'"
            : null;
    }

    private static Location? Place(AttributeData attribute, int argument)
    {
        var syntax = attribute.ApplicationSyntaxReference?.GetSyntax() as AttributeSyntax;
        return (syntax?.ArgumentList?.Arguments.ElementAtOrDefault(argument)?.Expression ?? (SyntaxNode?)syntax)?.GetLocation();
    }
}
