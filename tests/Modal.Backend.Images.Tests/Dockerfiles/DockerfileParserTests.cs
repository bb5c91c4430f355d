using FsCheck;
using FsCheck.Fluent;
using Modal.Backend.Images.Dockerfiles;
using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

public sealed class DockerfileParserTests
{
    [Theory]
    [InlineData("# syntax=x\n# escape=^\nFROM scratch", 2, "the escape character can be")]
    [InlineData("# escape=`\n# Escape=`\nFROM scratch", 2, "is there twice")]
    [InlineData("FROM scratch\nRUN a\0b", 2, "zero byte")]
    [InlineData("FROM scratch AS 1x", 1, "is no name for a stage")]
    [InlineData("FROM a b c", 1, "is not FROM image [AS name]")]
    [InlineData("FROM", 1, "is not FROM image [AS name]")]
    [InlineData("\uFEFF# c\r\n\r\nFROM scratch\r\nRUN a \\\r\n  b\r\nNO c\r\n", 6, "'NO' is no instruction")]
    [InlineData("FROM scratch\nRUN <<A\nx\nA\nNO", 5, "is no instruction")]
    [InlineData("FROM scratch\nRUN a \\\n# c\n\n  --b\nCOPY \\\n  --x y /", 6, "COPY has no flag --x")]
    public void Parse_Wrong_NamesTheLineWhereTheInstructionBegins(string text, int line, string message)
    {
        var error = Assert.Throws<DockerfileException>(() => DockerfileParser.Parse(text));

        Assert.Equal(line, error.Line);
        Assert.StartsWith($"Dockerfile, line {line}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_DirectiveAfterAComment_IsAComment() => Assert.Equal(['\\', '\\', '\\', '`'],
        ((string[])["# c\n# escape=`\n", "\n# escape=`\n", "# other=1\n# escape=`\n", " # syntax=1\n#\tESCAPE = `  \n"]).Select(static t => DockerfileParser.Parse(t + "FROM scratch").Escape));

    [Fact]
    public void Parse_Continuation_IsOneEscapeAtTheEnd()
    {
        var file = DockerfileParser.Parse("FROM scratch\nRUN a\\\nb \\ \t\n c\nRUN d\\\\\nRUN \\\n e\nRUN f \\");

        Assert.Equal([(2, "ab  c"), (5, "d\\\\"), (6, "e"), (8, "f")], file.Stages[0].Instructions.Select(static i => (i.Line, i.Text)));
    }

    [Fact]
    public void Env_AnyValueInQuotes_ComesBackAsItWas() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(5_000), Prop.ForAll<string>(static any =>
    {
        // What a line of a Dockerfile can hold.
        var value = (any ?? "").Replace("\n", "", StringComparison.Ordinal).Replace("\0", "", StringComparison.Ordinal);
        var quoted = string.Concat(value.Select(static c => c is '"' or '$' or '\\' ? $"\\{c}" : $"{c}"));
        var file = DockerfileParser.Parse($"FROM scratch\nENV A=\"{quoted}\" B=1\n");
        var words = Words.Split(file.Stages[0].Instructions[0].Text, file.Escape);
        return words.Count == 2 && new Expansion(new Dictionary<string, string>(), file.Escape, 2).Word(words[0]) == $"A={value}";
    }));

    // The matcher against the plainest way to say what it does.
    [Fact]
    public void ShellPattern_AnyPattern_CutsWhatTryingAllWouldCut() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(20_000),
        Prop.ForAll(
            Gen.Elements('a', 'b', '*', '?').ListOf().Select(static l => string.Concat(l.Take(6))).ToArbitrary(),
            Gen.Elements('a', 'b', 'c').ListOf().Select(static l => string.Concat(l.Take(10))).ToArbitrary(),
            static (text, value) =>
            {
                var pattern = ShellPattern.Parse(text, '\\', 1);
                var prefixes = Enumerable.Range(0, value.Length + 1).Where(n => IsMatch(text, value[..n])).DefaultIfEmpty(0).ToList();
                var suffixes = Enumerable.Range(0, value.Length + 1).Where(n => IsMatch(text, value[^n..])).DefaultIfEmpty(0).ToList();
                var found = Enumerable.Range(0, value.Length + 1).SelectMany(s => Enumerable.Range(0, value.Length - s + 1).Select(n => (Start: s, Length: n)))
                    .Where(p => IsMatch(text, value.Substring(p.Start, p.Length))).OrderBy(static p => p.Start).ThenByDescending(static p => p.Length).Select(static p => ((int, int)?)p).FirstOrDefault();
                return pattern.Prefix(value, false) == prefixes[0] && pattern.Prefix(value, true) == prefixes[^1]
                    && pattern.Suffix(value, false) == suffixes[0] && pattern.Suffix(value, true) == suffixes[^1]
                    && (pattern.Find(value, 0) is var at && found is null ? at.Start < 0 : at == found);
            }));

    private static bool IsMatch(string pattern, string text) =>
        pattern.Length == 0 ? text.Length == 0
        : pattern[0] == '*' ? Enumerable.Range(0, text.Length + 1).Any(n => IsMatch(pattern[1..], text[n..]))
        : text.Length > 0 && (pattern[0] == '?' || pattern[0] == text[0]) && IsMatch(pattern[1..], text[1..]);
}
