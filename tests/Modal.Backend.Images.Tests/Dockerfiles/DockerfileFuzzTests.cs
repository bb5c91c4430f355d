using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Modal.Backend.Images.Dockerfiles;
using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

public sealed class DockerfileFuzzTests
{
    private static readonly string[] s_pieces =
    [
        "FROM ", "scratch", "\n", "RUN ", "\\", "`", "<<", "<<EOF", "<<-'EOF'", "\nEOF\n", "EOF", "# escape=`\n", "COPY ", "ADD ", "--from=", "--chown=", "--", "=", "$", "$x", "${x", "}", ":-", ":?", "#", "##", "%", "/", "*",
        "?", "\"", "'", "[", "]", "[\"a\", ", "\"b\"]", "\\ud800", "ARG ", "ENV ", "LABEL ", "VOLUME ", " ", "\t", "\r\n", "é", "\ud83d\ude00", "\ud800", "\0", "\u2028", "AS x", "ONBUILD ", "--exclude=", "--mount=type=", ",", ".", "..", "!",
    ];

    private static readonly Dictionary<string, string> s_variables = new() { ["x"] = "ab*c", ["empty"] = "" };

    [Fact]
    public void Parse_AnyPieces_AreADockerfileOrSayWhyNot() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(20_000),
        Prop.ForAll(Gen.Elements(s_pieces).ListOf().Select(static p => string.Concat(p)).ToArbitrary(), static text => Read("FROM scratch\n" + text) & Read(text)));

    [Fact]
    public void Parse_AnyText_IsADockerfileOrSaysWhyNot() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(2_000), Prop.ForAll<string>(static text => text is null || Read(text)));

    [Theory]
    [InlineData("--a ", "RUN ", "")]
    [InlineData("<<A ", "RUN ", "")]
    [InlineData("$x$x", "ENV A=", "")]
    [InlineData("${x:-", "ENV A=", "")]
    [InlineData("${x#*a*a*b", "ENV A=", "}")]
    [InlineData("${x/a*a*b/", "ENV A=", "}")]
    [InlineData("[", "RUN ", "")]
    [InlineData("[\"a\",", "RUN ", "")]
    [InlineData("*a", "COPY ", " /x")]
    [InlineData("a[^b]**/", "COPY --exclude=", " x /x")]
    [InlineData("\\\n", "RUN x", "")]
    [InlineData("\"", "ENV A=", "")]
    [InlineData("\n", "", "")]
    [InlineData("A=$x ", "ENV ", "")]
    [InlineData("ONBUILD ", "", "RUN x")]
    public void Parse_LongRepetition_EndsSoonAndInLittleMemory(string piece, string before, string after)
    {
        var text = $"FROM scratch\n{before}{string.Concat(Enumerable.Repeat(piece, 2 * 1024 * 1024 / piece.Length))}{after}\n";
        var (clock, before_) = (Stopwatch.StartNew(), GC.GetAllocatedBytesForCurrentThread());

        Assert.True(Read(text));

        // Hundredfold of what it takes, for a busy machine; what is quadratic takes hours.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before_ < 1L << 30, "It made more than 1 GiB of objects.");
    }

    [Fact]
    public void Parse_TooManyInstructions_IsRefused()
    {
        var failed = Assert.Throws<DockerfileException>(static () => DockerfileParser.Parse("FROM scratch\n" + string.Concat(Enumerable.Repeat("ENV A=1\n", 10_000))));

        Assert.Equal((10_001, true), (failed.Line, failed.Message.Contains("more than 10000 instructions", StringComparison.Ordinal)));
    }

    [Fact]
    public void Pattern_AgainstLongName_TakesNoExponentialTime()
    {
        var clock = Stopwatch.StartNew();
        var pattern = PathPattern.Parse(string.Concat(Enumerable.Repeat("*a", 100)) + "b", 1);

        Assert.False(pattern.IsMatch(new string('a', 4000)));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
    }

    // Takes everything apart that a build would, without building. Anything but a DockerfileException goes to the test.
    private static bool Read(string text)
    {
        try
        {
            var file = DockerfileParser.Parse(text);
            foreach (var instruction in file.Stages.SelectMany(static s => s.Instructions).Select(static i => i.Trigger ?? i))
            {
                Assert.InRange(instruction.Line, 1, text.Count(static c => c == '\n') + 1);
                var expansion = new Expansion(s_variables, file.Escape, instruction.Line);
                switch (instruction.Name)
                {
                    case "COPY" or "ADD":
                        CopyPlan.Make(instruction, "/w", expansion).IsExcluded("a/b");
                        break;
                    case "RUN":
                        instruction.AllOf("mount").ToList().ForEach(m => RunMount.Parse(m, expansion.Word, "/", instruction.Line));
                        break;
                    default:
                        Words.Split(instruction.Text, file.Escape).ForEach(w => Assert.InRange(expansion.Word(w).Length, 0, Expansion.MaxValueLength));
                        break;
                }
            }
        }
        catch (DockerfileException e)
        {
            Assert.InRange(e.Line, 1, text.Count(static c => c == '\n') + 1);
        }

        return true;
    }
}
