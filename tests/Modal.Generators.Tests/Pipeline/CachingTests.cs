using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Modal.Generators.Tests.Harness;
using Modal.Generators.Tests.Snapshots;

namespace Modal.Generators.Tests.Pipeline;

public sealed class CachingTests
{
    [Fact]
    public void Run_UnrelatedEdit_LeavesEveryStepCached()
    {
        var (driver, compilation) = FirstRun();
        var edited = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("class Unrelated { int X; }", (CSharpParseOptions)compilation.SyntaxTrees[0].Options, "Unrelated.cs", cancellationToken: TestContext.Current.CancellationToken));

        AssertAllCached(driver.RunGenerators(edited, TestContext.Current.CancellationToken).GetRunResult());
    }

    [Fact]
    public void Run_BodyEdit_LeavesEveryStepCached()
    {
        var (driver, compilation) = FirstRun();
        var tree = compilation.SyntaxTrees[0];
        var text = tree.ToString().Replace("=> x * x;", "=> x * x * 1;", StringComparison.Ordinal);
        Assert.NotEqual(tree.ToString(), text);
        var edited = compilation.ReplaceSyntaxTree(tree, tree.WithChangedText(Microsoft.CodeAnalysis.Text.SourceText.From(text)));

        AssertAllCached(driver.RunGenerators(edited, TestContext.Current.CancellationToken).GetRunResult());
    }

    [Fact]
    public void Run_SignatureEdit_ChangesThatUnitOnly()
    {
        var (driver, compilation) = FirstRun();
        var tree = compilation.SyntaxTrees[0];
        var text = tree.ToString().Replace("static int Square(int x)", "static int Square(int y, int x = 1)", StringComparison.Ordinal);
        var edited = compilation.ReplaceSyntaxTree(tree, tree.WithChangedText(Microsoft.CodeAnalysis.Text.SourceText.From(text)));

        var steps = driver.RunGenerators(edited, TestContext.Current.CancellationToken).GetRunResult().Results[0].TrackedSteps[StepNames.Unit];

        var reasons = steps.SelectMany(s => s.Outputs).Select(o => o.Reason).ToList();
        Assert.Single(reasons, IncrementalStepRunReason.Modified);
        Assert.Equal(3, reasons.Count(r => r is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged));
    }

    [Theory]
    [InlineData("static int Train(int x) => x;", "static int Train(int x) => x * 2;")]
    [InlineData("static readonly Image Base = Image", "static readonly Image Base =\n // The base.\n Image")]
    [InlineData("public static class Versions {", "public static class Versions { static int Other() => 1;")]
    public void Run_EditThatLeavesImagesAsTheyAre_LeavesWhatFollowsFoldingCached(string text, string edited)
    {
        var (before, after) = Edit(Samples.Images, text, edited);

        AssertAllCached(after);
        Assert.Equal(before.GeneratedTrees.Select(t => t.ToString()), after.GeneratedTrees.Select(t => t.ToString()));
    }

    [Fact]
    public void Run_EditOfAConstantThatAnImageReads_ChangesTheUnitsThatNameTheImage()
    {
        var (_, after) = Edit(Samples.Images, "\"2.5.1\"", "\"2.6.0\"");

        var units = after.Results[0].TrackedSteps[StepNames.Unit].SelectMany(s => s.Outputs).Select(o => o.Reason).ToList();
        Assert.Single(units, IncrementalStepRunReason.Modified);
        Assert.Equal(2, units.Count(r => r is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged));
        Assert.All(after.GeneratedTrees, t => Assert.DoesNotContain("2.5.1", t.ToString(), StringComparison.Ordinal));
        Assert.Contains(after.GeneratedTrees, t => t.ToString().Contains("torch==2.6.0", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_AfterEdit_DoesNotKeepTheOldCompilation()
    {
        var (driver, old) = RunTwice();

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        Assert.False(old.TryGetTarget(out _), "The driver still holds the compilation of the run before the last one.");
        GC.KeepAlive(driver);
    }

    private static (GeneratorDriverRunResult Before, GeneratorDriverRunResult After) Edit(string source, string text, string edited)
    {
        var compilation = GeneratorRun.Compile(source, Samples.Service);
        var driver = GeneratorRun.Driver(trackSteps: true).RunGenerators(compilation, TestContext.Current.CancellationToken);
        var tree = compilation.SyntaxTrees[0];
        Assert.Contains(text, tree.ToString(), StringComparison.Ordinal);
        var changed = tree.WithChangedText(Microsoft.CodeAnalysis.Text.SourceText.From(tree.ToString().Replace(text, edited, StringComparison.Ordinal)));
        return (driver.GetRunResult(), driver.RunGenerators(compilation.ReplaceSyntaxTree(tree, changed), TestContext.Current.CancellationToken).GetRunResult());
    }

    private static (GeneratorDriver Driver, CSharpCompilation Compilation) FirstRun()
    {
        var compilation = GeneratorRun.Compile(Samples.Functions, Samples.Service, Samples.Images);
        return (GeneratorRun.Driver(trackSteps: true).RunGenerators(compilation, TestContext.Current.CancellationToken), compilation);
    }

    // Not inlined: a local of the caller would hold what the test wants gone.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static (GeneratorDriver Driver, WeakReference<Compilation> Old) RunTwice()
    {
        var driver = GeneratorRun.Driver();
        // Made from text twice: with an edit, syntax trees that did not change are shared and say nothing.
        var first = GeneratorRun.Compile(Samples.Functions, Samples.Service, Samples.Images);
        driver = driver.RunGenerators(first, TestContext.Current.CancellationToken);
        driver = driver.RunGenerators(GeneratorRun.Compile(Samples.Functions, Samples.Service, Samples.Images), TestContext.Current.CancellationToken);
        return (driver, new WeakReference<Compilation>(first));
    }

    private static void AssertAllCached(GeneratorDriverRunResult result)
    {
        var run = Assert.Single(result.Results);
        foreach (var name in StepNames.All.Except([StepNames.Diagnostics]))
        {
            Assert.Contains(name, run.TrackedSteps.Keys);
        }

        var changed = run.TrackedSteps.Where(s => StepNames.All.Contains(s.Key)).Concat(run.TrackedOutputSteps)
            .SelectMany(s => s.Value.SelectMany(v => v.Outputs.Select(o => (s.Key, o.Reason))))
            .Where(s => s.Reason is not (IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged));
        Assert.Empty(changed);
    }
}
