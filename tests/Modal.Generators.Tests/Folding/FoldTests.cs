using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Modal.Generators.Tests.Harness;
using Modal.Runtime;

namespace Modal.Generators.Tests.Folding;

/// <summary>The compiler's image is the program's.</summary>
public sealed partial class FoldTests
{
    // By the method's name and its parameters' names: each is given, and given otherwise than its default.
    private static readonly (string Method, string Expression)[] s_calls =
    [
        ("DebianSlim()", "Image.DebianSlim()"),
        ("FromRegistry(reference, credentials)", "Image.FromRegistry(\"ubuntu:24.04\", Secret.FromDictionary(\"registry\", new Dictionary<string, string> { [\"REGISTRY_USERNAME\"] = Environment.MachineName }))"),
        ("FromDockerfile(path, contextDirectory, buildArguments, target)", "Image.FromDockerfile(\"d/Dockerfile\", \"d\", new Dictionary<string, string> { [\"B\"] = \"2\", [\"A\"] = \"1\", [\"B\"] = \"3\" }, \"last\")"),
        ("FromTar(path)", "Image.FromTar(\"base.tar.gz\")"),
        ("FromScratch()", "Image.FromScratch()"),
        ("AptInstall(packages)", "Image.DebianSlim().AptInstall(\"b\", \"a\", \"b\", \"B\", \"\\u00e9\")"),
        ("AptInstall(options, packages)", "Image.DebianSlim().AptInstall(new BuildOptions { Secrets = [Secret.FromEnvironment(\"X\", \"Y\")], Gpu = \"H100\" }, \"a\")"),
        ("PipInstall(packages)", "Image.DebianSlim().PipInstall(\"torch==2.5.1\", \"numpy\")"),
        ("PipInstall(options, packages)", "Image.DebianSlim().PipInstall(" + PipOptions + ", \"torch\", \"numpy\")"),
        ("UvPipInstall(packages)", "Image.DebianSlim().UvPipInstall(\"torch==2.5.1\", \"numpy\")"),
        ("UvPipInstall(options, packages)", "Image.DebianSlim().UvPipInstall(" + PipOptions + ")"),
        ("NpmInstall(packages)", "Image.DebianSlim().NpmInstall(\"typescript@5.6\", \"a\")"),
        ("DotnetTool(package, version)", "Image.DebianSlim().DotnetTool(\"dotnet-trace\", \"9.0.1\")"),
        ("RunCommands(commands)", "Image.DebianSlim().RunCommands(\"b\", \"a\", \"b\")"),
        ("RunCommands(options, commands)", "Image.DebianSlim().RunCommands(new BuildOptions { Gpu = \"A100:2\" }, \"b\")"),
        ("Env(name, value)", "Image.DebianSlim().Env(\"_A1\", \"\")"),
        ("Workdir(path)", "Image.DebianSlim().Workdir(\"/srv\")"),
        ("Entrypoint(command)", "Image.DebianSlim().Entrypoint(\"python3\", \"-u\")"),
        ("User(user)", "Image.DebianSlim().User(\"1000:1000\")"),
        ("AddLocalFile(localPath, remotePath, copy)", "Image.DebianSlim().AddLocalFile(\"a.txt\", \"/etc/\", true)"),
        ("AddLocalDirectory(localPath, remotePath, copy, ignore)", "Image.DebianSlim().AddLocalDirectory(\"d\", \"/srv\", true, [\"*.log\", \"!x.log\"])"),
        ("ForceBuild()", "Image.DebianSlim().User(\"a\").ForceBuild()"),
    ];

    private const string PipOptions = """
        new PipOptions
        {
            IndexUrl = "http://i", ExtraIndexUrls = ["http://e2", "http://e1"], FindLinks = new[] { "http://f" }, Pre = true, ExtraOptions = "--no-deps", RequirementsFile = "sub/requirements.txt",
            Secrets = new List<Secret> { Secret.FromEnvironment("X") }, Gpu = "L4",
        }
        """;

    public static TheoryData<string> Methods => [.. s_calls.Select(c => c.Method)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Fold_EachMethodWithAllParameters_IsWhatTheProgramMakes(string method)
    {
        var (compiled, evaluated) = CompiledProgram.Images(Program($"static Image Own => {s_calls.Single(c => c.Method == method).Expression};"));

        Assert.Equal(evaluated, compiled);
        Assert.All(evaluated, l => JsonDocument.Parse(l).Dispose());
    }

    [Fact]
    public void Fold_EveryMethodOfImage_HasACase()
    {
        var methods = typeof(Image).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(m => m.ReturnType == typeof(Image))
            // Takes code of the program, which is known only with the whole of it.
            .Where(m => m.Name != "RunFunction")
            .Select(m => $"{m.Name}({string.Join(", ", m.GetParameters().Select(p => p.Name))})");

        Assert.Equal(methods.Order(), s_calls.Select(c => c.Method).Order());
        Assert.All(s_calls, c => Assert.Equal(c.Method, ParameterNames().Match(c.Method).Value));
    }

    [Fact]
    public void Fold_EveryOption_IsInTheCases()
    {
        var options = typeof(PipOptions).GetProperties().Select(p => p.Name);

        Assert.All(options, o => Assert.Contains(o + " =", PipOptions, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("static readonly Image Own = Image.DebianSlim();")]
    [InlineData("static Image Own { get; } = Image.DebianSlim();")]
    [InlineData("static Image Own => Image.DebianSlim();")]
    [InlineData("static Image Own { get => Image.DebianSlim(); }")]
    [InlineData("static Image Own { get { return Image.DebianSlim(); } }")]
    [InlineData("static Image Own() => Image.DebianSlim();")]
    [InlineData("static Image Own() { return (Image)Image.DebianSlim(); }")]
    [InlineData("static Image Own => (Image.DebianSlim())!.User(\"a\")!; ")]
    [InlineData("static partial Image Own { get; } static partial Image Own => Image.DebianSlim();")]
    [InlineData("private static partial Image Own(); private static partial Image Own() => Image.DebianSlim();")]
    [InlineData("static readonly Image Below = Image.DebianSlim(); static readonly Image Own = Below.User(\"a\");")]
    [InlineData("static readonly Image Own = Below.User(\"a\"); static Image Below => Image.DebianSlim();")]
    [InlineData("static Image Own => Below.User(\"a\"); static readonly Image Below = Image.DebianSlim();")]
    [InlineData("static readonly Image Own = Elsewhere.Below.User(\"a\"); static class Elsewhere { public static readonly Image Below = Image.DebianSlim(); }")]
    [InlineData("static Image Own => Below().User(\"a\"); static Image Below() => Image.DebianSlim();")]
    [InlineData("const string Name = \"a\"; static Image Own => Image.DebianSlim().AptInstall(Name, nameof(Name), Name + \"-dev\", $\"lib{Name}\", \"x\" + \"y\");")]
    [InlineData("static readonly string Name = \"a\"; static Image Own => Image.DebianSlim().AptInstall(Name, Name + \"-dev\", $\"lib{Name}{'c'}{null}\", string.Empty + \"x\");")]
    [InlineData("static readonly string[] Names = [\"b\", \"a\"]; static Image Own => Image.DebianSlim().AptInstall(Names).PipInstall([.. Names, \"c\", .. Names]);")]
    [InlineData("static IReadOnlyList<string> Names { get; } = new List<string> { \"b\", \"a\" }; static Image Own => Image.DebianSlim().AptInstall([.. Names]);")]
    [InlineData("static Image Own => Image.DebianSlim().AptInstall(packages: new string[] { \"b\", \"a\" }).AddLocalDirectory(remotePath: \"/x\", localPath: \"y\", ignore: new List<string> { \"z\" });")]
    [InlineData("static Image Own => Image.FromDockerfile().AddLocalFile(\"a\", \"/b\").AddLocalDirectory(\"c\", \"/d\").DotnetTool(\"t\").Entrypoint();")]
    [InlineData("static Image Own => Image.FromDockerfile(buildArguments: new Dictionary<string, string> { { \"B\", \"2\" }, { \"A\", \"1\" } }, target: null);")]
    [InlineData("static Image Own => Image.DebianSlim().PipInstall(Torch).AptInstall(Torch, \"a\"); static readonly PipOptions Torch = new() { RequirementsFile = \"r.txt\", IndexUrl = null };")]
    [InlineData("static Image Own => Image.DebianSlim().RunCommands(new BuildOptions { Secrets = [Token, Secret.FromEnvironment(Names)] }, \"x\"); static readonly Secret Token = Secret.FromEnvironment(\"T\"); static readonly string[] Names = [\"A\", \"B\"];")]
    [InlineData("static Image Own => Image.DebianSlim().AptInstall((BuildOptions)null!, \"a\").Entrypoint(Array.Empty<string>()).Entrypoint(new string[0]).Env(\"A\", \"x\\n\\\"\\\\\\ud83d\\ude00\");")]
    public void Fold_EachWayToWriteIt_IsWhatTheProgramMakes(string members)
    {
        var (compiled, evaluated) = CompiledProgram.Images(Program(members));

        Assert.Equal(evaluated, compiled);
    }

    [Fact]
    public void Fold_MembersOfOtherFilesAndBaseClasses_IsWhatTheProgramMakes()
    {
        var (compiled, evaluated) = CompiledProgram.Images(
            "using static Modal.Image; namespace Folded { class Base { protected static Image Own => DebianSlim().AptInstall(Other.Name); } partial class Jobs : Base { [Function(Image = nameof(Own))] static int F() => 1; } }",
            "static class Other { public const string Name = \"a\"; }");

        Assert.Equal(evaluated, compiled);
    }

    [Fact]
    public void Fold_LongChain_IsWhatTheProgramMakes()
    {
        var (compiled, evaluated) = CompiledProgram.Images(Program($"static Image Own => Image.DebianSlim(){string.Concat(Enumerable.Range(0, 150).Select(i => $".Env(\"A{i}\", \"\")"))};"));

        Assert.Equal(151, evaluated.Count);
        Assert.Equal(evaluated, compiled);
    }

    [Fact]
    public async Task Call_ListChangedBehindTheCompilersBack_IsRefused()
    {
        var program = CompiledProgram.Load(Program(
            "static readonly string[] Names = [\"a\"]; static Image Own => Image.DebianSlim().AptInstall(Names); internal static Task<int> CallAsync() { Names[0] = \"b\"; return Remote.F.CallAsync(); }"));
        var call = program.GetType("Folded.Jobs")!.GetMethod("CallAsync", BindingFlags.Static | BindingFlags.NonPublic)!;

        var error = await Assert.ThrowsAsync<ImageMismatchException>(() => (Task<int>)call.Invoke(null, [])!);

        Assert.Equal(("Folded.Jobs.F", "Folded.Jobs.Own", 1), (error.Function, error.Member, error.Layer));
        Assert.Equal(("""{"operation":"apt-install","arguments":["a"]}""", """{"operation":"apt-install","arguments":["b"]}"""), (error.Compiled, error.Evaluated));
    }

    [Fact]
    public void Fold_Service_IsWhatTheProgramMakes()
    {
        CompiledProgram.Load("namespace Folded { [Service(Image = nameof(Own))] partial class Model { static Image Own => Image.DebianSlim().User(\"a\"); [Function] int F() => 1; } }");

        var definition = FunctionRegistry.FindService("Folded.Model")!;

        Assert.Equal(CompiledProgram.Layers((Image)definition.Image!()!), definition.CompiledImage!.Layers);
        Assert.Equal("Folded.Model.Own", definition.CompiledImage.Member);
    }

    private static string Program(string members) => $"namespace Folded {{ partial class Jobs {{ {members} [Function(Image = nameof(Own))] static int F() => 1; }} }}";

    [GeneratedRegex(@"^\w+\((\w+(, \w+)*)?\)$")]
    private static partial Regex ParameterNames();
}
