using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Modal.Generators.Tests.Harness;

/// <summary>A compilation of a source text with the generator.</summary>
internal static class GeneratorRun
{
    private static readonly CSharpParseOptions s_parse = new(LanguageVersion.CSharp14);
    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(IsOfFramework).Select(p => MetadataReference.CreateFromFile(p)),
        MetadataReference.CreateFromFile(typeof(FunctionAttribute).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(Serialization.PayloadWriter).Assembly.Location),
    ];

    public static CSharpCompilation Compile(params string[] sources) => CSharpCompilation.Create(
        "Sample",
        sources.Select((s, i) => CSharpSyntaxTree.ParseText("using System; using System.Collections.Generic; using System.Threading; using System.Threading.Tasks; using Modal;\n" + s, s_parse, $"Source{i}.cs")),
        s_references,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, generalDiagnosticOption: ReportDiagnostic.Error));

    public static GeneratorDriver Driver(bool trackSteps = false) => CSharpGeneratorDriver.Create(
        [new FunctionGenerator().AsSourceGenerator()],
        parseOptions: s_parse,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: trackSteps));

    /// <summary>Generated files by name, after a check that all compiles without an error or a warning.</summary>
    public static SortedDictionary<string, string> Generate(params string[] sources)
    {
        var result = Driver().RunGeneratorsAndUpdateCompilation(Compile(sources), out var output, out var diagnostics, TestContext.Current.CancellationToken).GetRunResult();
        Assert.Empty(diagnostics);
        AssertCompiles(output);
        return new(result.GeneratedTrees.ToDictionary(t => Path.GetFileName(t.FilePath), t => t.ToString()), StringComparer.Ordinal);
    }

    /// <summary>What the generator reports, after a check that its own output compiles.</summary>
    public static Diagnostic[] Diagnose(string source)
    {
        Driver().RunGeneratorsAndUpdateCompilation(Compile(source), out var output, out var diagnostics, TestContext.Current.CancellationToken);
        var generated = output.SyntaxTrees.Where(t => t.FilePath.EndsWith(".g.cs", StringComparison.Ordinal));
        Assert.DoesNotContain(generated.SelectMany(t => output.GetSemanticModel(t).GetDiagnostics()), d => d.Severity >= DiagnosticSeverity.Warning);
        return [.. diagnostics];
    }

    public static void AssertCompiles(Compilation output)
    {
        using var stream = new MemoryStream();
        var emitted = output.Emit(stream);
        Assert.DoesNotContain(emitted.Diagnostics, d => d.Severity >= DiagnosticSeverity.Warning);
        Assert.True(emitted.Success);
    }

    /// <summary>The compiled assembly.</summary>
    public static byte[] Emit(params string[] sources)
    {
        Driver().RunGeneratorsAndUpdateCompilation(Compile(sources), out var output, out _);
        using var stream = new MemoryStream();
        Assert.True(output.Emit(stream).Success);
        return stream.ToArray();
    }

    // The list also holds this project's own assemblies and packages, which the sources must not see.
    private static bool IsOfFramework(string path) => Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location);
}
