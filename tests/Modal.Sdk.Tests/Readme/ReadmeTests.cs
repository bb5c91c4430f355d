using System.Text.RegularExpressions;
using Xunit;

namespace Modal.Sdk.Tests.Readme;

public sealed partial class ReadmeTests
{
    [Fact]
    public void Readme_CodeBlocks_AreWhatTheExamplesHold()
    {
        var root = FindRoot();
        var blocks = NamedBlock().Matches(File.ReadAllText(Path.Combine(root, "README.md")));

        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Equal(File.ReadAllText(Path.Combine(root, block.Groups["path"].Value)), block.Groups["code"].Value));
    }

    [Fact]
    public void Readme_CSharpBlocks_AllNameTheirExample()
    {
        var text = File.ReadAllText(Path.Combine(FindRoot(), "README.md"));

        Assert.Equal(NamedBlock().Count(text), AnyBlock().Count(text));
    }

    [GeneratedRegex(@"<!-- (?<path>examples/\S+) -->\n```csharp\n(?<code>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex NamedBlock();

    [GeneratedRegex("^```csharp$", RegexOptions.Multiline)]
    private static partial Regex AnyBlock();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Modal.Sdk.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
