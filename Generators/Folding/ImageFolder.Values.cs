using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Modal.Generators.Parsing;
using Modal.Images.Definitions;

namespace Modal.Generators.Folding;

internal sealed partial class ImageFolder
{
    private static bool IsList(ITypeSymbol? type) => type is IArrayTypeSymbol { IsSZArray: true }
        || type?.OriginalDefinition.SpecialType is SpecialType.System_Collections_Generic_IReadOnlyList_T or SpecialType.System_Collections_Generic_IReadOnlyCollection_T
            or SpecialType.System_Collections_Generic_IList_T or SpecialType.System_Collections_Generic_ICollection_T or SpecialType.System_Collections_Generic_IEnumerable_T
        || IsNamed(type, "System.Collections.Generic.List<T>");

    private static bool IsNamed(ITypeSymbol? type, string name) => type?.OriginalDefinition.ToDisplayString() == name;

    private Folded? List(IEnumerable<IOperation> elements, SyntaxNode syntax)
    {
        var items = ImmutableArray.CreateBuilder<Folded>();
        foreach (var element in elements)
        {
            if (element is ISpreadOperation spread)
            {
                if (Value(spread.Operand) is not { } spreaded)
                {
                    return null;
                }

                if (spreaded.Value is not FoldedList list)
                {
                    return Stop(NotConstant(spread.Operand, spread.Operand.Syntax));
                }

                items.AddRange(list.Items);
                // Lists of lists grow faster than the code that spreads them.
                _steps += list.Items.Length;
            }
            else if (Value(element) is { } item)
            {
                items.Add(item);
            }
            else
            {
                return null;
            }
        }

        return new Folded(new FoldedList(items.ToImmutable()), syntax);
    }

    private Folded? Interpolation(IInterpolatedStringOperation text)
    {
        var parts = new List<IOperation>();
        foreach (var part in text.Parts)
        {
            switch (part)
            {
                case IInterpolatedStringTextOperation literal:
                    parts.Add(literal.Text);
                    break;
                // Formats and alignment belong to numbers, whose text depends on the culture.
                case IInterpolationOperation { Alignment: null, FormatString: null } hole:
                    parts.Add(hole.Expression);
                    break;
                default:
                    return Stop(NotConstant(part, part.Syntax));
            }
        }

        return Text(parts, text.Syntax);
    }

    private Folded? Text(IEnumerable<IOperation> parts, SyntaxNode syntax)
    {
        var text = "";
        foreach (var part in parts)
        {
            switch (Value(part))
            {
                case null:
                    return null;
                case { Value: null or string or char } value:
                    text += value.Value;
                    break;
                case { } value:
                    return Stop($"{Shown(value.Syntax)} is not a text, and its text may depend on the culture");
            }

            // As the steps, for texts that grow faster than the code that joins them.
            if (text.Length > MaxSteps)
            {
                return Stop("it is too large for the compiler to evaluate");
            }
        }

        return new Folded(text, syntax);
    }

    private Folded? Creation(IObjectCreationOperation creation)
    {
        if (creation.Arguments.Length > 0)
        {
            return Stop(NotConstant(creation, creation.Syntax));
        }

        var initializers = creation.Initializer?.Initializers ?? [];
        return creation.Type?.OriginalDefinition.ToDisplayString() switch
        {
            KnownNames.BuildOptions => Options(new StepDefinition(), initializers, creation.Syntax),
            KnownNames.PipOptions => Options(new PipDefinition(), initializers, creation.Syntax),
            "System.Collections.Generic.Dictionary<TKey, TValue>" => Dictionary(initializers, creation.Syntax),
            "System.Collections.Generic.List<T>" when initializers.All(static i => i is IInvocationOperation { TargetMethod.Name: "Add", Arguments.Length: 1 }) =>
                List(initializers.Select(static i => ((IInvocationOperation)i).Arguments[0].Value), creation.Syntax),
            _ => Stop(NotConstant(creation, creation.Syntax)),
        };
    }

    private Folded? Options(StepDefinition options, ImmutableArray<IOperation> initializers, SyntaxNode syntax)
    {
        foreach (var initializer in initializers)
        {
            if (initializer is not ISimpleAssignmentOperation { Target: IPropertyReferenceOperation { Property.Name: var name }, Value: var operation })
            {
                return Stop(NotConstant(initializer, initializer.Syntax));
            }

            if (Value(operation) is not { Value: var value })
            {
                return null;
            }

            if (Set(options, name, value) is not { } set)
            {
                return Stop(NotConstant(operation, operation.Syntax));
            }

            options = set;
        }

        return new Folded(options, syntax);
    }

    /// <summary>The options with one set; null if that is nothing that can be known.</summary>
    private static StepDefinition? Set(StepDefinition options, string name, object? value) => (options, name, value) switch
    {
        (_, nameof(StepDefinition.Gpu), null or string) => options with { Gpu = (string?)value },
        (_, nameof(StepDefinition.Secrets), FoldedList list) when list.Items.All(static i => i.Value is FoldedSecret) =>
            options with { Secrets = [.. list.Items.Select(static i => ((FoldedSecret)i.Value!).Name)] },
        (PipDefinition pip, nameof(PipDefinition.IndexUrl), null or string) => pip with { IndexUrl = (string?)value },
        (PipDefinition pip, nameof(PipDefinition.ExtraIndexUrls), FoldedList { AreTexts: true } list) => pip with { ExtraIndexUrls = list.Texts },
        (PipDefinition pip, nameof(PipDefinition.FindLinks), FoldedList { AreTexts: true } list) => pip with { FindLinks = list.Texts },
        (PipDefinition pip, nameof(PipDefinition.Pre), bool pre) => pip with { Pre = pre },
        (PipDefinition pip, nameof(PipDefinition.ExtraOptions), string text) => pip with { ExtraOptions = text },
        (PipDefinition pip, nameof(PipDefinition.RequirementsFile), null) => pip with { RequirementsFile = null },
        // Between folders on Windows and part of a name elsewhere: the definition has the name, so it depends on where the program runs.
        (PipDefinition pip, nameof(PipDefinition.RequirementsFile), string path) when !path.Contains("\\") => pip with { RequirementsFile = path },
        _ => null,
    };

    private Folded? Dictionary(ImmutableArray<IOperation> initializers, SyntaxNode syntax)
    {
        var items = new List<KeyValuePair<string, string>>();
        foreach (var initializer in initializers)
        {
            var (key, value) = initializer switch
            {
                ISimpleAssignmentOperation { Target: IPropertyReferenceOperation { Property.IsIndexer: true, Arguments: [{ Value: var index }] } } assignment => (index, assignment.Value),
                IInvocationOperation { TargetMethod.Name: "Add", Arguments: [{ Value: var first }, { Value: var second }] } => (first, second),
                _ => ((IOperation?)null, (IOperation?)null),
            };
            if (key is null || value is null)
            {
                return Stop(NotConstant(initializer, initializer.Syntax));
            }

            if (Value(key) is not { } folded || Value(value) is not { } text)
            {
                return null;
            }

            if (folded.Value is not string name || text.Value is not (null or string))
            {
                return Stop(NotConstant(initializer, initializer.Syntax));
            }

            // An indexer replaces and keeps the place; Add throws.
            var known = items.FindIndex(i => i.Key == name);
            if (known >= 0 && initializer is IInvocationOperation)
            {
                return Stop($"{Shown(initializer.Syntax)} adds a key that is there already");
            }

            var item = new KeyValuePair<string, string>(name, (string)text.Value!);
            if (known >= 0)
            {
                items[known] = item;
            }
            else
            {
                items.Add(item);
            }
        }

        return new Folded(new FoldedMap([.. items]), syntax);
    }
}
