using System.Text.Json;
using Modal.Generators.Tests.Harness;

namespace Modal.Generators.Tests.Folding;

/// <summary>What is not constant is left to the program, and the manifest says why.</summary>
public sealed class DynamicTests
{
    [Theory]
    [InlineData("Environment.GetEnvironmentVariable is not constant", "static Image Own => Image.DebianSlim().User(Environment.GetEnvironmentVariable(\"USER\")!);")]
    [InlineData("Environment.MachineName is in another assembly and not a constant", "static Image Own => Image.DebianSlim().User(Environment.MachineName);")]
    [InlineData("Jobs.Name is a field that is not readonly", "static string Name = \"a\"; static Image Own => Image.DebianSlim().User(Name);")]
    [InlineData("Jobs.Name is a property that can be set", "static string Name { get; set; } = \"a\"; static Image Own => Image.DebianSlim().User(Name);")]
    [InlineData("Jobs.Name has no initializer", "static readonly string Name; static Jobs() => Name = \"a\"; static Image Own => Image.DebianSlim().User(Name);")]
    [InlineData("Jobs.Name is used by the static constructor, which may assign it", "static readonly string Name = \"a\"; static Jobs() => Name = \"b\"; static Image Own => Image.DebianSlim().User(Name);")]
    [InlineData("Jobs.Below is not yet initialized where Jobs.Own reads it", "static readonly Image Own = Below?.User(\"x\") ?? Image.DebianSlim(); static readonly Image Below = Image.DebianSlim();")]
    [InlineData("Jobs.Names is not yet initialized where Jobs.Own reads it", "static readonly Image Own = Image.DebianSlim().Entrypoint([.. Names!]); static readonly string[] Names = [\"a\"];")]
    [InlineData("Jobs.Names is not yet initialized where Jobs.Own reads it", "static readonly Image Own = Image.DebianSlim().Entrypoint([.. Through]); static string[] Through => Names; static readonly string[] Names = [\"a\"];")]
    [InlineData("Jobs.Own refers to itself", "static Image Own => Other.User(\"a\"); static Image Other => Own;")]
    [InlineData("Jobs.Own is more than one expression", "static Image Own { get { var image = Image.DebianSlim(); return image; } }")]
    [InlineData("Jobs.Named is not constant", "static Image Own => Named(\"a\"); static Image Named(string name) => Image.DebianSlim().User(name);")]
    [InlineData("Extensions.Named is not constant", "static Image Own => Image.DebianSlim().Named();")]
    [InlineData("DateTime.Now is in another assembly and not a constant", "static Image Own => DateTime.Now.Year > 2000 ? Image.DebianSlim() : Image.FromScratch();")]
    [InlineData("'3' is not a text, and its text may depend on the culture", "static Image Own => Image.DebianSlim().User($\"a{3}\");")]
    [InlineData("'{\"a\", 3}' is not constant", "static Image Own => Image.DebianSlim().User($\"a{\"a\",3}{Environment.NewLine}\");")]
    [InlineData("Environment.GetEnvironmentVariable is not constant", "static Image Own => Image.DebianSlim().User(Environment.GetEnvironmentVariable(\"USER\") ?? \"nobody\");")]
    [InlineData("'(int)Letter' is not constant", "static readonly char Letter = 'a'; static Image Own => Image.DebianSlim().User(\"a\" + (int)Letter);")]
    [InlineData("Jobs.Own is null", "static Image Own => null!;")]
    [InlineData("'field' is not constant", "static Image Own => field ??= Image.DebianSlim();")]
    [InlineData("'\"sub\\\\\\\\r.txt\"' is not constant", "static Image Own => Image.DebianSlim().PipInstall(new PipOptions { RequirementsFile = \"sub\\\\\\\\r.txt\" });")]
    [InlineData("'new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)' is not constant", "static Image Own => Image.FromDockerfile(buildArguments: new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase));")]
    [InlineData("'{ \"A\", \"2\" }' adds a key that is there already", "static Image Own => Image.FromDockerfile(buildArguments: new Dictionary<string, string> { { \"A\", \"1\" }, { \"A\", \"2\" } });")]
    [InlineData("'new Derived()' is not constant", "static Image Own => Image.DebianSlim().AptInstall(new Derived(), \"a\"); class Derived : BuildOptions;")]
    [InlineData("'new HashSet<string> { \"a\" }' is not constant", "static Image Own => Image.DebianSlim().Entrypoint([.. new HashSet<string> { \"a\" }]);")]
    public void Fold_NotConstant_SaysWhat(string reason, string members)
    {
        var source = $"namespace Sample {{ static class Extensions {{ public static Image Named(this Image image) => image.User(\"a\"); }} partial class Jobs {{ {members} [Function(Image = nameof(Own))] static int F() => 1; }} }}";
        var files = GeneratorRun.Generate(source);

        Assert.Equal(reason, Reason(source));
        Assert.DoesNotContain("CompiledImage", files["Sample.Jobs.g.cs"], StringComparison.Ordinal);
        Assert.Contains("Image = static () => global::Sample.Jobs.Own,", files["Sample.Jobs.g.cs"], StringComparison.Ordinal);
    }

    [Fact]
    public void Fold_FieldsOfTwoFilesOfOneType_HaveNoOrder()
    {
        var reason = Reason(
            "partial class Jobs { static readonly Image Own = Image.DebianSlim().Entrypoint([.. Names!]); [Function(Image = nameof(Own))] static int F() => 1; }",
            "partial class Jobs { static readonly string[] Names = [\"a\"]; }");

        Assert.Equal("Jobs.Names is not yet initialized where Jobs.Own reads it", reason);
    }

    [Fact]
    public void Fold_ListsThatDouble_EndsSoon()
    {
        var lists = string.Concat(Enumerable.Range(1, 40).Select(i => $"static string[] L{i} => [.. L{i - 1}, .. L{i - 1}];"));

        Assert.Equal(
            "it is too large for the compiler to evaluate",
            Reason($"partial class Jobs {{ static string[] L0 => [\"a\"]; {lists} static Image Own => Image.DebianSlim().Entrypoint(L40); [Function(Image = nameof(Own))] static int F() => 1; }}"));
    }

    [Fact]
    public void Fold_TextsThatDouble_EndsSoon()
    {
        var texts = string.Concat(Enumerable.Range(1, 40).Select(i => $"static string T{i} => T{i - 1} + T{i - 1};"));

        Assert.Equal(
            "it is too large for the compiler to evaluate",
            Reason($"partial class Jobs {{ static string T0 => \"ab\"; {texts} static Image Own => Image.DebianSlim().User(T40); [Function(Image = nameof(Own))] static int F() => 1; }}"));
    }

    [Fact]
    public void Fold_MembersThatNestDeeply_EndsWithoutOverflow()
    {
        var members = string.Concat(Enumerable.Range(1, 3000).Select(i => $"static Image I{i} => I{i - 1};"));

        Assert.Equal(
            "it is too large for the compiler to evaluate",
            Reason($"partial class Jobs {{ static Image I0 => Image.DebianSlim(); {members} [Function(Image = nameof(I3000))] static int F() => 1; }}"));
    }

    [Fact]
    public void Fold_CodeThatDoesNotCompile_IsLeftToTheCompiler()
    {
        const string Members = "static Image Own => Image.DebianSlim().AptInstal(\"a\");";

        var diagnostics = GeneratorRun.Diagnose($"partial class Jobs {{ {Members} [Function(Image = nameof(Own))] static int F() => 1; }}");

        Assert.Empty(diagnostics);
    }

    private static string? Reason(params string[] sources)
    {
        using var manifest = JsonDocument.Parse(Manifest.Read(GeneratorRun.Emit(sources)));
        return manifest.RootElement.GetProperty("functions")[0].GetProperty("imageSpec").GetProperty("dynamic").GetString();
    }
}
