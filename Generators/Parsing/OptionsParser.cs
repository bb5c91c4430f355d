using Microsoft.CodeAnalysis;
using Modal.Generators.Diagnostics;
using Modal.Generators.Emission;
using Modal.Generators.Folding;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>What is written in an attribute.</summary>
internal static class OptionsParser
{
    /// <summary>Options in a fixed order, without the image.</summary>
    public static EquatableArray<OptionModel> Parse(AttributeData attribute) => attribute.NamedArguments
        .Where(a => a.Key != "Image" && a.Value is { Kind: TypedConstantKind.Primitive, Value: not null })
        .OrderBy(a => a.Key, StringComparer.Ordinal)
        .Select(a => new OptionModel(a.Key, TypeNames.Constant(a.Value.Type!, a.Value.Value), Json.Value(a.Value.Value)))
        .ToEquatableArray();

    /// <summary>The image's member; null if none is named, or if it is unusable and a diagnostic says so.</summary>
    /// <param name="attribute">The attribute.</param>
    /// <param name="owner">The type that it is in.</param>
    /// <param name="compilation">What the image is evaluated in.</param>
    /// <param name="diagnostics">Gets why there is no usable member.</param>
    /// <param name="remarks">Gets what is wrong with the image, for which code is generated all the same: it would only hide the message behind others.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static ImageModel? ParseImage(
        AttributeData attribute, INamedTypeSymbol owner, Compilation compilation, List<DiagnosticModel> diagnostics, List<DiagnosticModel> remarks, CancellationToken cancellationToken)
    {
        var name = attribute.NamedArguments.FirstOrDefault(a => a.Key == "Image").Value.Value as string;
        if (name is null)
        {
            return null;
        }

        var (found, problem) = Find(name, owner, compilation, KnownNames.Image);
        if (found is not null)
        {
            var expression = $"{TypeNames.Identity(found.ContainingType)}.{TypeNames.Escape(name)}{(found is IMethodSymbol ? "()" : "")}";
            if (MemberBody.Changeable(found) is { } changeable)
            {
                var place = found.Locations.FirstOrDefault(static l => l.IsInSource) ?? AttributeArguments.Place(attribute, "Image");
                remarks.Add(DiagnosticModel.Create(Descriptors.ChangeableImage, place, TypeNames.Member(found), changeable.Problem, changeable.Instead));
            }

            var folded = ImageFolder.Fold(found, compilation, cancellationToken);
            if (folded.Fault is not null)
            {
                remarks.Add(folded.Fault);
            }

            return new ImageModel(name, $"{TypeNames.Dotted(found.ContainingType)}.{found.Name}", expression, folded.Layers, folded.Dynamic);
        }

        diagnostics.Add(DiagnosticModel.Create(Descriptors.Image, AttributeArguments.Place(attribute, "Image"), name, TypeNames.Readable(owner), problem));
        return null;
    }

    /// <summary>The secrets' members, in the order in which they are written; those that are unusable are left out, and a diagnostic says so.</summary>
    public static EquatableArray<SecretModel> ParseSecrets(AttributeData attribute, INamedTypeSymbol owner, Compilation compilation, List<DiagnosticModel> diagnostics)
    {
        if (attribute.NamedArguments.FirstOrDefault(static a => a.Key == "Secrets").Value is not { Kind: TypedConstantKind.Array, IsNull: false } names)
        {
            return default;
        }

        var secrets = new List<SecretModel>();
        for (var i = 0; i < names.Values.Length; i++)
        {
            var name = names.Values[i].Value as string ?? "";
            var (found, problem) = Find(name, owner, compilation, KnownNames.Secret);
            problem = secrets.Any(s => s.Name == name) ? "it is named twice" : problem;
            if (found is null || problem.Length > 0)
            {
                diagnostics.Add(DiagnosticModel.Create(Descriptors.Secret, AttributeArguments.PlaceOfElement(attribute, "Secrets", i), name, TypeNames.Readable(owner), problem));
                continue;
            }

            secrets.Add(new SecretModel(name, $"{TypeNames.Identity(found.ContainingType)}.{TypeNames.Escape(name)}{(found is IMethodSymbol ? "()" : "")}"));
        }

        return secrets.ToEquatableArray();
    }

    /// <summary>The member of that name, or why it cannot be used.</summary>
    private static (ISymbol? Member, string Problem) Find(string name, INamedTypeSymbol owner, Compilation compilation, string wanted)
    {
        var members = new List<ISymbol>();
        for (var t = owner; t is not null && members.Count == 0; t = t.BaseType)
        {
            members.AddRange(t.GetMembers(name).Where(m => compilation.IsSymbolAccessibleWithin(m, owner)));
        }

        var problem = members switch
        {
            [] => $"'{TypeNames.Readable(owner)}' has no member of that name",
            [var member] => Check(member, wanted),
            _ => "it has overloads, so name a property or a field",
        };
        return problem.Length == 0 ? (members[0], "") : (null, problem);
    }

    private static string Check(ISymbol member, string wanted)
    {
        var type = member switch
        {
            IPropertySymbol { GetMethod: not null } p => p.Type,
            IFieldSymbol f => f.Type,
            IMethodSymbol { Parameters.Length: 0, TypeParameters.Length: 0 } m => m.ReturnType,
            _ => null,
        };
        return type is null ? "it must be a property, a field or a method without parameters"
            : !member.IsStatic ? $"it must be static, since the {(wanted == KnownNames.Image ? "image" : "secret")} is needed before there is an instance"
            : type.ToDisplayString() != wanted ? $"its type is '{TypeNames.Readable(type)}' and must be '{wanted.Substring("Modal.".Length)}'"
            : "";
    }
}
