using System.Globalization;
using System.Text;
using Modal.Backend.Images.Tests.Building;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

public sealed class VariableTests : IDisposable
{
    private readonly DockerfileBuild _build = new();

    public void Dispose() => _build.Dispose();

    [Fact]
    public async Task Env_DoublingValue_EndsWithTheLimitAndTheLine()
    {
        var text = new StringBuilder("FROM scratch\nENV A=0123456789abcdef\n");
        for (var i = 0; i < 40; i++)
        {
            text.Append("ENV A=$A$A\n");
        }

        var message = await _build.FailedAsync(text.ToString());

        // 16 bytes doubled 13 times are 128 KiB; with the name they are too much.
        Assert.StartsWith("Dockerfile, line 15: ", message, StringComparison.Ordinal);
        Assert.Contains("128 KiB", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Env_ManyLongValues_EndWithTheLimitOfAll()
    {
        var text = new StringBuilder($"FROM scratch\nENV A={new string('x', 100_000)}\n");
        for (var i = 0; i < 40; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"ENV A{i}=$A\n");
        }

        Assert.Contains("2 MiB", await _build.FailedAsync(text.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_ManyLongWords_EndsWithTheLimitOfOneInstruction() =>
        Assert.StartsWith("Dockerfile, line 3: ", await _build.FailedAsync($"FROM scratch\nENV A={new string('x', 100_000)}\nCOPY {string.Concat(Enumerable.Repeat("$A ", 10_000))} /x\n"), StringComparison.Ordinal);

    [Theory]
    [InlineData("A=\"b c\"", "b c")]
    [InlineData("A=b\\ c", "b c")]
    [InlineData("A='$x'", "$x")]
    [InlineData("A=\"a'b'c\"", "a'b'c")]
    [InlineData("A=\\'q", "'q")]
    [InlineData("A=\"a\\\"b\"", "a\"b")]
    [InlineData("A=\"a\\tb\"", "a\\tb")]
    [InlineData("A=a\\tb", "atb")]
    [InlineData("A='a\\'", "a\\")]
    [InlineData("A=", "")]
    [InlineData("A=x=y", "x=y")]
    [InlineData("A b c", "b c")]
    [InlineData("A \"b  c\"  d", "b  c  d")]
    [InlineData("A=\\$X", "$X")]
    [InlineData("A=\\${X}", "${X}")]
    [InlineData("A=$SPACED", "one two")]
    [InlineData("A=${SPACED}/x", "one two/x")]
    [InlineData("A=$", "$")]
    [InlineData("A=$1x$?y", "xy")]
    [InlineData("A=${NONE:-d}", "d")]
    [InlineData("A=${EMPTY:-d}", "d")]
    [InlineData("A=${EMPTY-d}", "")]
    [InlineData("A=${NONE-d}", "d")]
    [InlineData("A=${X:-d}", "foobarbaz")]
    [InlineData("A=${NONE:-${EMPTY:-\"a b\"}}", "a b")]
    [InlineData("A=${X:+y}", "y")]
    [InlineData("A=${EMPTY:+y}", "")]
    [InlineData("A=${EMPTY+y}", "y")]
    [InlineData("A=${X:?no}", "foobarbaz")]
    [InlineData("A=${X#f*b}", "arbaz")]
    [InlineData("A=${X##f*b}", "az")]
    [InlineData("A=${X%b*}", "foobar")]
    [InlineData("A=${X%%b*}", "foo")]
    [InlineData("A=${X#nothing}", "foobarbaz")]
    [InlineData("A=${X%?}", "foobarba")]
    [InlineData("A=${X/ba/fo}", "foofor" + "baz")]
    [InlineData("A=${X//ba/fo}", "fooforfoz")]
    [InlineData("A=${STAR#\\*}", "x")]
    [InlineData("A='un'\"quo\"ted", "unquoted")]
    public async Task Env_Form_HasTheValueThatDockerGives(string env, string value)
    {
        var variables = await _build.VariablesAsync($"FROM scratch\nENV X=foobarbaz EMPTY= SPACED=\"one two\" STAR='*x'\nENV {env}\n");

        Assert.Equal(value, variables["A"]);
    }

    [Fact]
    public async Task Env_SeveralInOne_SeeTheValuesFromBefore()
    {
        var variables = await _build.VariablesAsync("FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc D=e\\ f G='$x'\n");

        Assert.Equal(("hello", "bye", "e f", "$x"), (variables["def"], variables["ghi"], variables["D"], variables["G"]));
    }

    [Fact]
    public async Task Escape_OfTheDirective_IsAnotherLetterElsewhere()
    {
        var variables = await _build.VariablesAsync("# syntax=docker/dockerfile:1\n# escape=`\n\nFROM scratch\nENV A=c:\\dir B=a`\n  C=`$x `\n  D=\"a`\"b\"\n");

        Assert.Equal(("c:\\dir", "a", "$x", "a\"b"), (variables["A"], variables["B"], variables["C"], variables["D"]));
    }

    [Theory]
    [InlineData("A=\"${NONE:?give one}\"", "NONE: give one")]
    [InlineData("A=${NONE?}", "NONE: it must be set")]
    [InlineData("A=${EMPTY:?}", "EMPTY: it must have a value")]
    [InlineData("A=${X", "is not closed")]
    [InlineData("A=${}", "names no variable")]
    [InlineData("A=${X:=y}", "is a form that is not known")]
    [InlineData("A=${X^^}", "is a form that is not known")]
    [InlineData("A='x", "quote ' is not closed")]
    [InlineData("A=\"x", "quote \" is not closed")]
    [InlineData("A", "gives no value")]
    [InlineData("A=b c", "'c' is not NAME=VALUE")]
    [InlineData("=b", "without a name")]
    public async Task Env_WrongForm_SaysLineAndWhy(string env, string message)
    {
        var failed = await _build.FailedAsync($"FROM scratch\nENV EMPTY=\nENV {env}\n");

        Assert.StartsWith("Dockerfile, line 3: ", failed, StringComparison.Ordinal);
        Assert.Contains(message, failed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LABEL a=b \"c d\"=e f='g h'", null)]
    [InlineData("LABEL a b c", null)]
    [InlineData("LABEL a=b c", "'c' is not NAME=VALUE")]
    [InlineData("LABEL", "LABEL has no NAME=VALUE")]
    [InlineData("EXPOSE", "at least one argument")]
    [InlineData("STOPSIGNAL", "one argument")]
    [InlineData("WORKDIR", "one argument")]
    public async Task Other_Instructions_AreChecked(string instruction, string? message)
    {
        var last = (await _build.Builder.BuildAsync(TestBuilder.Spec(_build.Layer($"FROM scratch\n{instruction}\n"))))[^1];

        Assert.Equal(message is null, last.Built is not null);
        Assert.Contains(message ?? "", last.Failed?.Message ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arg_OfAParentStage_IsInheritedAndOfOthersNot()
    {
        var layer = _build.LayerWith("FROM scratch AS parent\nARG A=1\nARG B=$A-2\nFROM parent AS child\nRUN child\nFROM scratch\nCOPY --from=child / /x/\nRUN other\n", []);
        await _build.Builder.BuiltAsync(TestBuilder.Spec(layer));

        var steps = _build.Builder.Sandbox.Steps.ToList();
        Assert.Equal(("1", "1-2"), (steps[0].Environment["A"], steps[0].Environment["B"]));
        Assert.DoesNotContain("A", steps[1].Environment.Keys);
    }

    [Fact]
    public async Task Arg_BeforeFrom_IsForFromsUntilDeclaredAgain()
    {
        var variables = await _build.VariablesAsync("ARG BASE=scratch\nARG V=1 W=$V$V\nFROM $BASE\nENV A=[$W]\nARG W\nENV B=[$W]\nARG V=2\nENV C=$V\n");

        Assert.Equal(("[]", "[11]", "2"), (variables["A"], variables["B"], variables["C"]));
    }

    [Fact]
    public async Task Arg_SeveralInOne_SeeThoseBefore() => Assert.Equal("1 1-x", (await _build.VariablesAsync("FROM scratch\nARG A='1 1' B=$A-x\nENV C=$B\n"))["C"]);

    [Fact]
    public async Task Arg_WithEnvOfTheSameName_LosesToIt()
    {
        await _build.Builder.BuiltAsync(TestBuilder.Spec(_build.LayerWith("FROM scratch\nARG V\nENV V=env\nRUN x\n", [("V", "arg")])));

        Assert.Equal("env", _build.Step.Environment["V"]);
    }

    [Fact]
    public async Task Arg_OfThePlatform_IsThereWhereDeclared()
    {
        var variables = await _build.VariablesAsync("FROM --platform=$BUILDPLATFORM scratch\nENV A=$TARGETARCH\nARG TARGETPLATFORM TARGETOS TARGETARCH BUILDPLATFORM TARGETVARIANT=none\nENV B=$TARGETPLATFORM,$TARGETOS,$TARGETARCH,$BUILDPLATFORM\n");

        Assert.Equal(("", "linux/amd64,linux,amd64,linux/amd64"), (variables["A"], variables["B"]));
    }

    [Fact]
    public async Task Arg_Proxy_ReachesCommandsButNoKeyAndNoImage()
    {
        const string Text = "FROM scratch\nENV A=[$HTTP_PROXY]\nRUN x\n";
        var (_, record) = await _build.Builder.BuiltAsync(TestBuilder.Spec(_build.LayerWith(Text, [("HTTP_PROXY", "http://one")])));
        await _build.Builder.BuiltAsync(TestBuilder.Spec(_build.LayerWith(Text, [("HTTP_PROXY", "http://two")])));

        var step = Assert.Single(_build.Builder.Sandbox.Steps);
        Assert.Equal(("http://one", "http://one"), (step.Environment["HTTP_PROXY"], step.Environment["http_proxy"]));
        Assert.Equal(["A"], record.Config.Environment.Keys);
        Assert.Equal("[]", record.Config.Environment["A"]);
    }

    [Fact]
    public async Task Arg_GivenButNotDeclared_IsWarnedOf()
    {
        var events = await _build.Builder.BuildAsync(TestBuilder.Spec(_build.LayerWith("ARG G\nFROM scratch AS unused\nARG U\nFROM scratch\nARG D=1\n", [("G", ""), ("U", ""), ("D", ""), ("TYPO", ""), ("no_proxy", "x"), ("TARGETARCH", "x")])));

        var said = Assert.Single(events, static e => e.Output?.Source == OutputSource.System).Output.Data.ToStringUtf8();
        Assert.Equal("The Dockerfile declares no ARG TYPO: what was given for it has no effect.\n", said);
        Assert.NotNull(events[^1].Built);
    }

    [Fact]
    public async Task From_VariableWithoutValue_SaysWhatToDo() => Assert.StartsWith("Dockerfile, line 2: 'FROM ${BASE}' names no image", await _build.FailedAsync("ARG BASE\nFROM ${BASE}\n"), StringComparison.Ordinal);

    [Fact]
    public async Task From_LongChainOfStages_FillsNoStack()
    {
        var text = new StringBuilder("FROM scratch AS s0\n");
        for (var i = 1; i < 9_000; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"FROM s{i - 1} AS s{i}\n");
        }

        Assert.NotNull((await _build.BuiltAsync(text.ToString())).Record);
    }
}
