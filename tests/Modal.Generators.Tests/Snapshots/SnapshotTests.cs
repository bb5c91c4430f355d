using Modal.Generators.Tests.Harness;

namespace Modal.Generators.Tests.Snapshots;

public sealed class SnapshotTests
{
    [Fact]
    public void Generate_Functions_MatchesApproved() => Approved.Match("Functions", Approved.Join(GeneratorRun.Generate(Samples.Functions)));

    [Fact]
    public void Generate_Service_MatchesApproved() => Approved.Match("Service", Approved.Join(GeneratorRun.Generate(Samples.Service)));

    [Fact]
    public void Generate_Batched_MatchesApproved() => Approved.Match("Batched", Approved.Join(GeneratorRun.Generate(Samples.Batched)));

    [Fact]
    public void Generate_Clustered_MatchesApproved() => Approved.Match("Clustered", Approved.Join(GeneratorRun.Generate(Samples.Clustered)));

    [Fact]
    public void Generate_DifficultNames_MatchesApproved() => Approved.Match("Names", Approved.Join(GeneratorRun.Generate(Samples.Names)));

    [Fact]
    public void Generate_Images_MatchesApproved() => Approved.Match("Images", Approved.Join(GeneratorRun.Generate(Samples.Images)));

    [Fact]
    public void Generate_Stored_MatchesApproved() => Approved.Match("Stored", Approved.Join(GeneratorRun.Generate(Samples.Stored)));

    [Fact]
    public void Generate_ProgramClass_UsesTheMethod()
    {
        var files = GeneratorRun.Generate("partial class Program { [Function] static int Twice(int x) => 2 * x; }");

        Assert.Contains("global::Program.Twice(x)", files["Program.g.cs"], StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_NoFunctions_AddsNothing() => Assert.Empty(GeneratorRun.Generate("class Empty { }"));

    [Fact]
    public void Generate_SourcesInAnyOrder_SameOutput()
    {
        var one = GeneratorRun.Generate(Samples.Functions, Samples.Service, Samples.Names);
        var other = GeneratorRun.Generate(Samples.Names, Samples.Functions, Samples.Service);

        Assert.Equal(one, other);
    }

    [Fact]
    public void Generate_InternalTypeInPublicClass_MakesHandleInternal()
    {
        var files = GeneratorRun.Generate("internal record Hidden(int X); public static partial class Jobs { [Function] static Hidden Echo(Hidden h) => h; [Function] static int Open(int x) => x; }");

        Assert.Contains("internal sealed class EchoFunction", files["Jobs.g.cs"], StringComparison.Ordinal);
        Assert.Contains("public sealed class OpenFunction", files["Jobs.g.cs"], StringComparison.Ordinal);
    }
}
