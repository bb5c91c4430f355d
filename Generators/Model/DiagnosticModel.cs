using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Modal.Generators.Model;

/// <summary>A diagnostic that holds no syntax tree: its place is a path and numbers.</summary>
internal sealed record DiagnosticModel(string Id, string Path, TextSpan Span, LinePositionSpan Lines, EquatableArray<string> Arguments)
{
    public static DiagnosticModel Create(DiagnosticDescriptor descriptor, Location? location, params string[] arguments)
    {
        var place = location is { IsInSource: true } ? location.GetLineSpan() : default;
        return new DiagnosticModel(descriptor.Id, place.Path ?? "", location?.SourceSpan ?? default, place.Span, arguments.ToEquatableArray());
    }

    public Diagnostic ToDiagnostic() => Diagnostic.Create(
        Diagnostics.Descriptors.ById(Id),
        Path.Length == 0 ? Location.None : Location.Create(Path, Span, Lines),
        [.. Arguments.Select(a => (object)a)]);
}
