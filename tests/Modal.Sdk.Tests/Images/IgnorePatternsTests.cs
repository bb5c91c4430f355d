using System.Diagnostics;
using Modal.Images;
using Xunit;

namespace Modal.Sdk.Tests.Images;

public sealed class IgnorePatternsTests
{
    [Theory]
    [InlineData("*.log", "a.log", true)]
    [InlineData("*.log", "sub/a.log", false)]
    [InlineData("**/*.log", "a.log", true)]
    [InlineData("**/*.log", "x/y/a.log", true)]
    [InlineData("bin", "bin/x/y", true)]
    [InlineData("bin", "binary", false)]
    [InlineData("bin", "sub/bin", false)]
    [InlineData("/bin/", "bin", true)]
    [InlineData("//bin/./x/../y/", "bin/y", true)]
    [InlineData("./bin", "bin", true)]
    [InlineData("a/../bin", "bin", true)]
    [InlineData("/../bin", "bin", true)]
    [InlineData("../bin", "bin", false)]
    [InlineData(".", "x", false)]
    [InlineData("/", "x", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "a\U0001F600c", true)]
    [InlineData("a?c", "a/c", false)]
    [InlineData("*/temp*", "somedir/temporary.txt", true)]
    [InlineData("*/temp*", "a/b/temp", false)]
    [InlineData("*/*/temp*", "a/b/tempx/in", true)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[^a-c]x", "bx", false)]
    [InlineData("[^a-c]x", "dx", true)]
    [InlineData("[!a-c]x", "bx", true)]
    [InlineData("[!a-c]x", "!x", true)]
    [InlineData("[!a-c]x", "dx", false)]
    [InlineData("[\\]]x", "]x", true)]
    [InlineData("a/**/z", "a/z", true)]
    [InlineData("a/**/z", "a/b/c/z", true)]
    [InlineData("a/**", "a/b", true)]
    [InlineData("a/**", "a", false)]
    [InlineData("**", "a/b", true)]
    [InlineData("**/x", "yx", false)]
    [InlineData("**x", "a/yx", true)]
    [InlineData("**/a.b", "aXb", false)]
    [InlineData("a+(b)|{c}$", "a+(b)|{c}$", true)]
    [InlineData("#c", "#c", false)]
    [InlineData(" #c", "#c", true)]
    [InlineData("\\#c", "#c", true)]
    [InlineData("  a b \t", "a b", true)]
    [InlineData("\\!a", "!a", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "x", false)]
    public void IsIgnored_Pattern_MatchesAsDockerDoes(string pattern, string path, bool isIgnored) => Assert.Equal(isIgnored, new IgnorePatterns([pattern]).IsIgnored(path));

    [Theory]
    [InlineData("*,!keep,keep/not", "x", true)]
    [InlineData("*,!keep,keep/not", "keep/yes", false)]
    [InlineData("*,!keep,keep/not", "keep/not/at/all", true)]
    [InlineData("*.md,!README*.md,README-secret.md", "README-x.md", false)]
    [InlineData("*.md,!README*.md,README-secret.md", "README-secret.md", true)]
    [InlineData("*.md,README-secret.md,!README*.md", "README-secret.md", false)]
    [InlineData("!a,a", "a", true)]
    [InlineData("a,! /a/b/", "a/b/c", false)]
    [InlineData("a,! /a/b/", "a/c", true)]
    [InlineData("a,!**/*.cs", "a/b/c.cs", false)]
    [InlineData("**/obj,!x/obj", "x/obj/f", false)]
    [InlineData("**/obj,!x/obj", "y/obj/f", true)]
    [InlineData("a/b,!a", "a/b", true)]
    public void IsIgnored_SeveralPatterns_TheLastThatMatchesDecides(string patterns, string path, bool isIgnored)
    {
        var read = new IgnorePatterns(patterns.Split(','));

        Assert.Equal(isIgnored, read.IsIgnored(path));
        Assert.Equal(isIgnored, read.IsIgnored(path));
    }

    [Theory]
    [InlineData("!")]
    [InlineData("[a")]
    [InlineData("[]a]")]
    [InlineData("[z-a]")]
    [InlineData("[-a]")]
    [InlineData("[a-]")]
    [InlineData("[^]")]
    [InlineData("a\\")]
    public void Constructor_PatternThatCannotBeRead_SaysWhich(string pattern) =>
        Assert.Contains($"'{pattern}'", Assert.Throws<InvalidRequestException>(() => new IgnorePatterns(["ok", pattern])).Message, StringComparison.Ordinal);

    [Fact]
    public void IsIgnored_HostilePatterns_TakeNoExponentialTime()
    {
        var clock = Stopwatch.StartNew();
        var path = string.Join('/', Enumerable.Repeat(new string('a', 200), 15));
        foreach (var piece in (string[])["*a", "**/", "**/a", "*?", "[^b]*", "a**"])
        {
            Assert.False(new IgnorePatterns([string.Concat(Enumerable.Repeat(piece, 50)) + "b"]).IsIgnored(path));
        }

        // Hundredfold of what it takes.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
    }

    [Fact]
    public void IsIgnored_AnyPattern_IsReadOrRefusedWithoutHarm()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        const string Letters = "*?[]!^-\\/.ab{}()+|$# ";
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = new string([.. Enumerable.Range(0, random.Next(12)).Select(_ => Letters[random.Next(Letters.Length)])]);
            try
            {
                new IgnorePatterns([pattern]).IsIgnored("a/b");
            }
            catch (InvalidRequestException)
            {
                // A set that cannot be read.
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}, pattern '{pattern}': {e}");
            }
        }
    }
}
