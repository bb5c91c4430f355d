using Modal.Generators.Diagnostics;
using Modal.Generators.Tests.Harness;

namespace Modal.Generators.Tests.Diagnostics;

/// <summary>Each case marks the token that the diagnostic must point at with guillemets.</summary>
public sealed class DiagnosticTests
{
    [Theory]
    [InlineData("MODAL2001", "class «Jobs» { [Function] static int F(int x) => x; [Function] static int G(int x) => x; }")]
    [InlineData("MODAL2001", "class «Outer» { internal partial class Jobs { [Function] static int F(int x) => x; } }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«object» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static «Func<int>» F() => null!; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static Task<«System.IO.Stream»> F() => null!; }", true)]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«int[,]» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«IDisposable» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«Exception» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«ReadOnlySpan<byte>» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«dynamic» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«System.Collections.ArrayList» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«System.Text.StringBuilder» x) => 1; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«Hidden» x) => 1; } public class Hidden { public int X { get; } }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function] static int F(«Node<int>» x) => 1; } public record Node<T>(T Value, Node<Node<T>>? Next);")]
    [InlineData("MODAL2003", "partial class Jobs { [Function] static void F(ref «int» x) { } }")]
    [InlineData("MODAL2003", "partial class Jobs { [Function] static void F(out «int» x) => x = 1; }")]
    [InlineData("MODAL2003", "partial class Jobs { [Function] static void F(in «int» x) { } }")]
    [InlineData("MODAL2003", "partial class Jobs { static int s_x; [Function] static «ref int» F() => ref s_x; }")]
    [InlineData("MODAL2004", "partial class Jobs { [Function] static void «F»<T>(T x) { } }")]
    [InlineData("MODAL2004", "partial class «Jobs»<T> { [Function] static void F(int x) { } }")]
    [InlineData("MODAL2005", "partial class Jobs { [Function] static void «F»(int x) { } [Function(Retries = 1)] static void F(string x) { } }", true)]
    [InlineData("MODAL2006", "partial class Jobs { [Function] static async void «F»() => await Task.Yield(); }")]
    [InlineData("MODAL2007", "partial class Jobs { [Function(Image = «\"Missing\"»)] static void F() { } }")]
    [InlineData("MODAL2007", "partial class Jobs { Image Own => Image.DebianSlim(); [Function(Image = «nameof(Own)»)] static void F() { } }")]
    [InlineData("MODAL2007", "partial class Jobs { static string Own => \"\"; [Function(Image = «nameof(Own)»)] static void F() { } }")]
    [InlineData("MODAL2007", "partial class Jobs { static Image Own(int x) => Image.DebianSlim(); [Function(Image = «nameof(Own)»)] static void F() { } }")]
    [InlineData("MODAL2008", "[Service] static partial class «Jobs» { }")]
    [InlineData("MODAL2008", "[Service] abstract partial class «Jobs» { }")]
    [InlineData("MODAL2009", "partial class Jobs { [Function] void «F»() { } }")]
    [InlineData("MODAL2010", "class Jobs { void M() { F(); [Function] static void «F»() { } } }")]
    [InlineData("MODAL2010", "interface I { void F(); } [Service] partial class Jobs : I { [Function] void I.«F»() { } }")]
    [InlineData("MODAL2011", "[Service] partial class «Jobs» { public Jobs() { } public Jobs(int x) { } [Function] int F() => 1; }")]
    [InlineData("MODAL2011", "[Service] partial class «Jobs» { public required int X { get; set; } [Function] int F() => 1; }")]
    [InlineData("MODAL2012", "partial class Jobs { record Secret(int X); [Function] static int F(«Secret» s) => 1; }")]
    [InlineData("MODAL2012", "partial class Outer { partial class «Jobs» { [Function] static int F(int s) => 1; } }")]
    [InlineData("MODAL2012", "file partial class «Jobs» { [Function] static int F(int s) => 1; }")]
    [InlineData("MODAL2013", "[Service] partial class Jobs { [Enter] int «Begin»() => 1; }")]
    [InlineData("MODAL2013", "[Service] partial class Jobs { [Exit] void «End»(int x) { } }")]
    [InlineData("MODAL2013", "[Service] partial class Jobs { [Enter] static void «Begin»() { } }")]
    [InlineData("MODAL2013", "class Base { [Enter] private void «Begin»() { } } [Service] partial class Jobs : Base { }")]
    [InlineData("MODAL2014", "partial class Jobs { static int «Remote» => 1; [Function] static int F() => 1; }")]
    [InlineData("MODAL2014", "[Service] partial class Jobs { [Function] int «Instance»() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().Workdir(«\"srv\"»); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().AptInstall(\"a\", «\" \"», \"b\"); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => «Image.DebianSlim().AptInstall()»; [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().AptInstall([\"a\", «\"\"»]); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().AptInstall(«[]»); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().Env(value: \"\", name: «\"1A\"»).AptInstall(\"a\"); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static readonly Image Own = Image.DebianSlim().User(«Name»); const string Name = \"\"; [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static readonly string Folder = \"srv\"; static Image Own => Image.DebianSlim().AddLocalFile(\"a\", «Folder»); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Below.User(\"a\"); static Image Below => Image.FromRegistry(«\" \"»); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().RunCommands(new BuildOptions { Secrets = [Secret.FromEnvironment(«\"\"»)] }, \"a\"); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.FromRegistry(\"a\", Secret.FromDictionary(«\"\"», new Dictionary<string, string>())); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => «Image.DebianSlim().PipInstall(new PipOptions { Pre = true })»; [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2015", "partial class Jobs { static Image Own => Image.DebianSlim().PipInstall(«(PipOptions)null!», \"a\"); [Function(Image = nameof(Own))] static int F() => 1; }")]
    [InlineData("MODAL2016", "partial class Jobs { static Image «Own» = Image.DebianSlim(); [Function(Image = nameof(Own))] static int F() => 1; [Function(Image = nameof(Own))] static int G() => 1; }")]
    [InlineData("MODAL2016", "partial class Jobs { static Image «Own» { get; set; } = Image.DebianSlim(); [Function(Image = nameof(Own))] static int F() => 1; [Function(Image = nameof(Own))] static int G() => 1; }")]
    [InlineData("MODAL2016", "partial class Jobs { static Image «Own» { get; private set; } = Image.DebianSlim(); [Function(Image = nameof(Own))] static int F() => 1; [Function(Image = nameof(Own))] static int G() => 1; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] «F»(int x) => [x]; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] «F»(int[] x, int y) => x; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] «F»(CancellationToken token) => []; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] «F»(int[]? x = null) => x!; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int «F»(int[] x) => 1; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static void «F»(int[] x) { } }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static Task «F»(int[] x) => Task.CompletedTask; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] «F»(IEnumerable<int> x) => [1]; }")]
    [InlineData("MODAL2017", "partial class Jobs { [Function, Batched(MaxSize = 2)] static async IAsyncEnumerable<int[]> «F»(int[] x) { await Task.Yield(); yield return x; } }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] F(«object[]» x) => [1]; }")]
    [InlineData("MODAL2002", "partial class Jobs { [Function, Batched(MaxSize = 2)] static «Func<int>[]» F(int[] x) => null!; }")]
    [InlineData("MODAL2003", "partial class Jobs { [Function, Batched(MaxSize = 2)] static int[] F(ref «int[]» x) => x; }")]
    [InlineData("MODAL2018", "partial class Jobs { [Function, Batched(MaxSize = «0»)] static int[] F(int[] x) => x; }")]
    [InlineData("MODAL2018", "partial class Jobs { [Function, Batched(WaitMs = 5, MaxSize = «1001»)] static int[] F(int[] x) => x; }")]
    [InlineData("MODAL2018", "partial class Jobs { [Function, Batched(MaxSize = 2, WaitMs = «-1»)] static int[] F(int[] x) => x; }")]
    [InlineData("MODAL2018", "partial class Jobs { [Function, Batched(MaxSize = 2, WaitMs = «600_001»)] static int[] F(int[] x) => x; }")]
    [InlineData("MODAL2018", "partial class Jobs { [Function, «Batched»] static int[] F(int[] x) => x; }")]
    [InlineData("MODAL2019", "partial class Jobs { [Function(MaxConcurrentInputs = 2), Batched(MaxSize = 2)] static int[] «F»(int[] x) => x; }")]
    [InlineData("MODAL2019", "[Service(MaxConcurrentInputs = 2)] partial class Jobs { [Function, Batched(MaxSize = 2)] int[] «F»(int[] x) => x; }")]
    [InlineData("MODAL2019", "[Service] partial class Jobs { [Function, Batched(MaxSize = 2)] int[] «F»(int[] x) => x; [Function] int G() => 1; }")]
    [InlineData("MODAL2020", "partial class Jobs { [Batched(MaxSize = 2)] static int[] «F»(int[] x) => x; }")]
    [InlineData("MODAL2021", "partial class Jobs { [Function, Clustered(Size = «1»)] static int F(int x) => x; }")]
    [InlineData("MODAL2021", "partial class Jobs { [Function, Clustered(Size = «65»)] static int F(int x) => x; }")]
    [InlineData("MODAL2021", "partial class Jobs { [Function, «Clustered»] static int F(int x) => x; }")]
    [InlineData("MODAL2021", "[Service, Clustered(Size = «-2»)] partial class Jobs { [Function] int F(int x) => x; }")]
    [InlineData("MODAL2022", "partial class Jobs { [Function(MaxContainers = «5»), Clustered(Size = 2)] static int F(int x) => x; }")]
    [InlineData("MODAL2022", "partial class Jobs { [Function(MaxContainers = 6, MinContainers = «2»), Clustered(Size = 3)] static int F(int x) => x; }")]
    [InlineData("MODAL2022", "[Service(BufferContainers = «1»), Clustered(Size = 2)] partial class Jobs { [Function] int F(int x) => x; }")]
    [InlineData("MODAL2023", "partial class Jobs { [Function, Batched(MaxSize = 2), Clustered(Size = 2)] static int[] «F»(int[] x) => x; }")]
    [InlineData("MODAL2023", "[Service, Clustered(Size = 2)] partial class Jobs { [Function, Batched(MaxSize = 2)] int[] «F»(int[] x) => x; }")]
    [InlineData("MODAL2024", "partial class Jobs { [Clustered(Size = 2)] static int «F»(int x) => x; }")]
    [InlineData("MODAL2024", "[Service] partial class Jobs { [Function, Clustered(Size = 2)] int «F»(int x) => x; }")]
    [InlineData("MODAL2024", "[Clustered(Size = 2)] partial class «Jobs» { [Function] static int F(int x) => x; }")]
    [InlineData("MODAL2030", "partial class Jobs { [Function(Secrets = [«\"Missing\"»])] static int F() => 1; }")]
    [InlineData("MODAL2030", "partial class Jobs { Secret Api => Secret.FromName(\"a\"); [Function(Secrets = new[] { «nameof(Api)» })] static int F() => 1; }")]
    [InlineData("MODAL2030", "partial class Jobs { static string Api => \"a\"; [Function(Secrets = new string[] { «nameof(Api)» })] static int F() => 1; }")]
    [InlineData("MODAL2030", "[Service(Secrets = [nameof(Api), «nameof(Api)»])] partial class Jobs { static Secret Api => Secret.FromName(\"a\"); [Function] int F() => 1; }")]
    [InlineData("MODAL2031", "class C { object F() => Queue.FromName<«Func<int>»>(\"a\"); }")]
    [InlineData("MODAL2031", "class C { Dict<string, «System.IO.Stream»>? F; }")]
    [InlineData("MODAL2012", "class C { class Own { public int X; } object F() => Modal.Queue.FromName<«Own»>(\"a\"); }")]
    [InlineData("MODAL2040", "partial class Jobs { [Function, Mount(\"/data\", «\"Data\"»)] static int F() => 1; }")]
    [InlineData("MODAL2040", "partial class Jobs { static string Data => \"\"; [Function, Mount(\"/data\", «nameof(Data)»)] static int F() => 1; }")]
    [InlineData("MODAL2040", "[Service, Mount(\"/data\", «nameof(Data)»)] partial class Jobs { Volume Data => Volume.FromName(\"v\"); [Function] int F() => 1; }")]
    [InlineData("MODAL2041", "partial class Jobs { static Volume Data => Volume.FromName(\"v\"); [Function, Mount(«\"data\"», nameof(Data))] static int F() => 1; }")]
    [InlineData("MODAL2041", "partial class Jobs { static Volume Data => Volume.FromName(\"v\"); [Function, Mount(«\"/tmp/x\"», nameof(Data))] static int F() => 1; }")]
    [InlineData("MODAL2042", "partial class Jobs { static Volume A => Volume.FromName(\"a\"); static Volume B => Volume.FromName(\"b\"); [Function, Mount(\"/data\", nameof(A)), Mount(«\"/data/\"», nameof(B))] static int F() => 1; }")]
    [InlineData("MODAL2042", "partial class Jobs { static Volume A => Volume.FromName(\"a\"); static Volume B => Volume.FromName(\"b\"); [Function, Mount(\"/data/x\", nameof(A)), Mount(«\"/data\"», nameof(B))] static int F() => 1; }")]
    [InlineData("MODAL2042", "partial class Jobs { static Volume A => Volume.FromName(\"a\"); [Function, Mount(\"/a\", nameof(A)), Mount(\"/b\", «nameof(A)»)] static int F() => 1; }")]
    [InlineData("MODAL2043", "[Service] partial class Jobs { static Volume A => Volume.FromName(\"a\"); [Function, «Mount(\"/a\", nameof(A))»] int F() => 1; }")]
    public void Generate_WrongCode_ReportsAtToken(string id, string marked, bool alsoElsewhere = false)
    {
        const string Prefix = "using System; using System.Collections.Generic; using System.Threading; using System.Threading.Tasks; using Modal;\n";
        var source = marked.Replace("«", "", StringComparison.Ordinal).Replace("»", "", StringComparison.Ordinal);
        var start = marked.IndexOf('«', StringComparison.Ordinal);
        var length = marked.IndexOf('»', StringComparison.Ordinal) - start - 1;

        var diagnostics = GeneratorRun.Diagnose(source);

        Assert.All(diagnostics, d => Assert.Equal(id, d.Id));
        var first = alsoElsewhere ? diagnostics[0] : Assert.Single(diagnostics);
        Assert.Equal("Source0.cs", first.Location.GetLineSpan().Path);
        if (!alsoElsewhere || id == "MODAL2005")
        {
            Assert.Equal((Prefix.Length + start, length), (first.Location.SourceSpan.Start, first.Location.SourceSpan.Length));
        }
    }

    [Fact]
    public void Generate_DeepUnsupportedType_NamesThePath()
    {
        var diagnostic = Assert.Single(GeneratorRun.Diagnose("""
            public record Price(decimal Amount, Func<int> Callback);
            public record Line(string Text, Price Price);
            public record Order(List<Line> Lines);
            partial class Jobs { [Function] static int Ship(Order order) => 1; }
            """));

        Assert.Equal(
            "Parameter 'order' of 'Jobs.Ship' cannot be sent to a container: Order.Lines[].Price.Callback is Func<int>, a delegate: code cannot be sent, only data",
            diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Generate_OneFunctionInDoubt_GeneratesTheOthers()
    {
        var compilation = GeneratorRun.Compile("partial class Jobs { [Function] static int Good(int x) => x; [Function] static int Bad(object x) => 1; }");
        var result = GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(compilation, out var output, out var diagnostics, TestContext.Current.CancellationToken).GetRunResult();

        Assert.Single(diagnostics);
        var text = string.Concat(result.GeneratedTrees);
        Assert.Contains("GoodFunction", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Bad", text, StringComparison.Ordinal);
        GeneratorRun.AssertCompiles(output);
    }

    [Fact]
    public void Generate_ImageThatCannotBe_SaysWhatTheProgramWouldAndGeneratesTheCode()
    {
        const string Source = "partial class Jobs { static Image Own => Image.DebianSlim().Workdir(\"srv\"); [Function(Image = nameof(Own))] static int F() => 1; }";

        var diagnostic = Assert.Single(GeneratorRun.Diagnose(Source));

        var thrown = Assert.Throws<ArgumentException>(() => Image.DebianSlim().Workdir("srv"));
        Assert.Equal("Image.Workdir fails when the program runs: " + thrown.Message, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        var files = GeneratorRun.Driver().RunGenerators(GeneratorRun.Compile(Source), TestContext.Current.CancellationToken).GetRunResult().GeneratedTrees;
        Assert.Contains(files, f => f.ToString().Contains("FFunction", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("[Function, Batched(MaxSize = 2)] static int[] F(int x) => [x];", "'Jobs.F' is [Batched] but its parameter is 'int': it must take one array, IReadOnlyList or List of elements without a default (and a CancellationToken if it likes) and return one of results")]
    [InlineData("[Function, Batched(MaxSize = 2000)] static int[] F(int[] x) => x;", "MaxSize of the [Batched] method 'Jobs.F' is 2000 and must be from 1 to 1,000")]
    public void Generate_WrongBatch_SaysWhatIsAllowed(string member, string message) =>
        Assert.Equal(message, Assert.Single(GeneratorRun.Diagnose($"partial class Jobs {{ {member} }}")).GetMessage(System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("[Function, Clustered(Size = 65)] static int F(int x) => x;", "Size of the [Clustered] 'Jobs.F' is 65 and must be from 2 to 64")]
    [InlineData("[Function(MaxContainers = 5), Clustered(Size = 2)] static int F(int x) => x;", "MaxContainers of the [Clustered] 'Jobs.F' is 5 and must be a multiple of its Size, 2: only whole clusters are started")]
    [InlineData("[Clustered(Size = 2)] static int F(int x) => x;", "'F' is [Clustered] but is no [Function], so it has no containers: add [Function], or remove [Clustered]")]
    public void Generate_WrongCluster_SaysWhatIsAllowed(string member, string message) =>
        Assert.Equal(message, Assert.Single(GeneratorRun.Diagnose($"partial class Jobs {{ {member} }}")).GetMessage(System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("static Image Own = Image.DebianSlim();", "'Jobs.Own' gives an image and is a field that is not readonly, so that functions may get different images from it: make it readonly")]
    [InlineData("static Image Own { get; set; } = Image.DebianSlim();", "'Jobs.Own' gives an image and is a property that can be set, so that functions may get different images from it: make it a property with a getter only")]
    public void Generate_ImageThatCanChange_WarnsAndGeneratesTheCode(string member, string message)
    {
        var diagnostic = Assert.Single(GeneratorRun.Diagnose($"partial class Jobs {{ {member} [Function(Image = nameof(Own))] static int F() => Remote.F is null ? 1 : 0; }}"));

        Assert.Equal(Microsoft.CodeAnalysis.DiagnosticSeverity.Warning, diagnostic.Descriptor.DefaultSeverity);
        Assert.Equal(message, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("partial class Jobs { [Function] static int F(int x) => x; static int F(string x) => 1; }")]
    [InlineData("partial class Jobs { [Function(Image = nameof(Own))] static int F(int x) => x; static Image Own() => Image.DebianSlim(); }")]
    [InlineData("class Base { protected static readonly Image Own = Image.DebianSlim(); } partial class Jobs : Base { [Function(Image = nameof(Own))] static int F(int x) => x; }")]
    [InlineData("[Service] sealed partial class Jobs { private Jobs() { } [Function] int F(int x) => x; }")]
    [InlineData("[Service] sealed partial record Jobs(int X) { [Function] int F(int x) => x; [Function] static int G(int x) => x; }")]
    [InlineData("class Base { [Enter] protected virtual void Begin() { } } [Service] partial class Jobs : Base { [Enter] protected override void Begin() { } [Function] int F(int x) => x; }")]
    [InlineData("public record Area(double Width, double Height) { public double Size => Width * Height; } partial class Jobs { [Function] static Area F(Area x) => x; }")]
    [InlineData("#nullable disable\npublic class Old { public string Text; public Old(string text = null) => Text = text; } partial class Jobs { [Function] static string F(string x = null, Old o = null) => x; [Function] static Task G() => null; }")]
    [InlineData("partial interface IJobs { [Function] static int F(int x) => x; }")]
    [InlineData("public class Tree { public List<Tree> Children { get; set; } = []; } partial class Jobs { [Function] static Tree F(Tree x) => x; }")]
    [InlineData("partial class Jobs { [Function(Image = nameof(Own))] static int F(int x) => x; static Image Own => Image.DebianSlim() ?? Image.DebianSlim().Workdir(\"srv\"); }")]
    [InlineData("partial class Jobs { [Function(Image = nameof(Own))] static int F(int x) => x; static Image Own => Image.DebianSlim().Workdir(Environment.GetEnvironmentVariable(\"A\") ?? \"srv\"); }")]
    [InlineData("partial class Jobs { [Function(Image = nameof(Own))] static int F(int x) => x; static Image Own => Image.DebianSlim().Entrypoint().Env(\"A\", \"\").AddLocalDirectory(\"a\", \"/b\", ignore: []).PipInstall(new PipOptions { RequirementsFile = \"r\" }); }")]
    [InlineData("partial class Jobs { [Function(Image = nameof(Own))] static int F(int x) => x; static Image Own => Image.DebianSlim(); static Image Unused = Image.DebianSlim().Workdir(\"srv\"); }")]
    [InlineData("partial class Jobs { [Function(MaxConcurrentInputs = 1), Batched(MaxSize = 1000, WaitMs = 600_000)] static List<int> F(List<int> x, CancellationToken t = default) => x; [Function] static int G() => 1; }")]
    [InlineData("[Service] partial class Jobs { [Function, Batched(MaxSize = 2)] int[] F(int[] x) => x; [Function] static int G() => 1; int H() => 1; }")]
    [InlineData("partial class Jobs { [Function(MaxContainers = 64, MinContainers = 64), Clustered(Size = 64)] static int F(int x) => x; [Function(MaxContainers = 5), Batched(MaxSize = 2)] static int[] G(int[] x) => x; }")]
    [InlineData("[Service(BufferContainers = 2), Clustered(Size = 2)] partial class Jobs { [Function] int F(int x) => x; [Function, Batched(MaxSize = 2)] static int[] G(int[] x) => x; }")]
    [InlineData("partial class Jobs { static Secret Api => Secret.FromName(\"a\"); static readonly Secret Other = Secret.FromDotEnv(); static Secret Third() => Api; [Function(Secrets = [nameof(Api), nameof(Other), nameof(Third)])] static int F() => 1; }")]
    [InlineData("public record Job(int Id); public class C<T> { public Modal.Queue<T>? A; public Modal.Queue<List<T>>? B; public Modal.Queue<Job?>? D; public Dict<(int, string?), int?[]>? E; public System.Collections.Generic.Queue<Func<int>>? F; }")]
    public void Generate_NearMiss_ReportsNothing(string source) => GeneratorRun.Generate(source);

    [Fact]
    public void Descriptors_All_HaveReleaseLineReadmeHeadingAndLink()
    {
        var root = Path.Combine(Path.GetDirectoryName(Location())!, "../../../Generators");
        var releases = File.ReadAllText(Path.Combine(root, "AnalyzerReleases.Unshipped.md")) + File.ReadAllText(Path.Combine(root, "AnalyzerReleases.Shipped.md"));
        var readme = File.ReadAllLines(Path.Combine(root, "README.md"));
        var fields = typeof(Descriptors).GetFields().Where(f => f.FieldType == typeof(Microsoft.CodeAnalysis.DiagnosticDescriptor)).Select(f => (Microsoft.CodeAnalysis.DiagnosticDescriptor)f.GetValue(null)!).ToList();

        Assert.Equal(fields.OrderBy(d => d.Id), Descriptors.All.OrderBy(d => d.Id));
        Assert.Equal(fields.Count, fields.Select(d => d.Id).Distinct().Count());
        Assert.All(fields, d =>
        {
            Assert.Contains($"{d.Id} | {d.Category} | {d.DefaultSeverity} | {d.Title}", releases, StringComparison.Ordinal);
            Assert.Contains($"### {d.Id}", readme);
            Assert.EndsWith("Generators/README.md#" + d.Id.ToLowerInvariant(), d.HelpLinkUri, StringComparison.Ordinal);
        });
    }

    private static string Location([System.Runtime.CompilerServices.CallerFilePath] string path = "") => path;
}
