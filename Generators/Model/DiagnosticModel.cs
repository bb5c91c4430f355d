using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Modal.Generators.Model;

/// <summary>A diagnostic without symbols or trees, so that it can be cached.</summary>
internal sealed record DiagnosticModel(string Id, string Path, TextSpan Span, LinePositionSpan Lines, EquatableArray<string> Arguments)
{
    public static DiagnosticModel Create(DiagnosticDescriptor descriptor, Location location, params string[] arguments) =>
        new(descriptor.Id, location.SourceTree?.FilePath ?? "", location.SourceSpan, location.GetLineSpan().Span, new EquatableArray<string>(arguments));

    public Diagnostic ToDiagnostic(DiagnosticDescriptor descriptor) =>
        Diagnostic.Create(descriptor, Location.Create(Path, Span, Lines), [.. Arguments]);
}
