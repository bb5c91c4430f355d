using Modal.Images.Definitions;

namespace Modal.Generators.Folding;

/// <summary>The arguments of a call by parameter, defaults included. What is not given, or of another kind, is null.</summary>
internal sealed class CallArguments(IReadOnlyDictionary<string, Folded> values)
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    /// <summary>Whether nothing was given that nobody asked for: a parameter of a later version.</summary>
    public bool AllTaken => values.Keys.All(_taken.Contains);

    public Folded? Find(string parameter) => values.TryGetValue(parameter, out var value) ? value : null;

    public string? Text(string parameter) => Take(parameter) as string;

    public bool Flag(string parameter) => Take(parameter) is true;

    public IReadOnlyList<string>? Texts(string parameter) => Take(parameter) is FoldedList { AreTexts: true } list ? list.Texts : null;

    public IEnumerable<KeyValuePair<string, string>>? Map(string parameter) => (Take(parameter) as FoldedMap)?.Items;

    public string? Secret(string parameter) => (Take(parameter) as FoldedSecret)?.Name;

    public StepDefinition? Options(string parameter) => Take(parameter) as StepDefinition;

    /// <summary>The given ones; the defaults where the method has no such parameter.</summary>
    public PipDefinition? PipOptions(string parameter) => values.ContainsKey(parameter) ? Take(parameter) as PipDefinition : new PipDefinition();

    private object? Take(string parameter)
    {
        _taken.Add(parameter);
        return Find(parameter)?.Value;
    }
}
