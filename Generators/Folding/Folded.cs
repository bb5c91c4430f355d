using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Modal.Generators.Model;
using Modal.Images.Definitions;

namespace Modal.Generators.Folding;

/// <summary>A value that is known to the compiler.</summary>
/// <param name="Value">
/// A constant, <see cref="FoldedList"/>, <see cref="FoldedMap"/>, <see cref="FoldedSecret"/>, <see cref="StepDefinition"/> or <see cref="FoldedImage"/>; or null.
/// </param>
/// <param name="Syntax">Where it is written, for diagnostics.</param>
internal sealed record Folded(object? Value, SyntaxNode Syntax);

/// <summary>A list of any kind.</summary>
internal sealed record FoldedList(ImmutableArray<Folded> Items)
{
    public bool AreTexts => Items.All(static i => i.Value is null or string);

    public IReadOnlyList<string> Texts => [.. Items.Select(static i => (string)i.Value!)];
}

/// <summary>A dictionary of texts, in the order in which it is enumerated.</summary>
internal sealed record FoldedMap(ImmutableArray<KeyValuePair<string, string>> Items);

/// <summary>A secret, of which a definition has the name only.</summary>
internal sealed record FoldedSecret(string Name);

/// <summary>An image: its layers from the base up.</summary>
internal sealed record FoldedImage(ImmutableArray<LayerDefinition> Layers);

/// <summary>What became of an image member. Texts only: it is kept from one run of the generator to the next.</summary>
/// <param name="Layers">Canonical JSON of each layer; none if the image is not constant.</param>
/// <param name="Dynamic">Why it is not constant; null if it is.</param>
/// <param name="Fault">The call in it that will throw; null if none will.</param>
internal sealed record FoldResult(EquatableArray<string> Layers, string? Dynamic, DiagnosticModel? Fault);
