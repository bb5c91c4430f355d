using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

public sealed class HereDocumentTests : IDisposable
{
    private readonly DockerfileBuild _build = new();

    public void Dispose() => _build.Dispose();

    [Fact]
    public async Task Copy_SeveralDocuments_AreFilesInAFolder()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nCOPY <<EOF <<-EOF3 /to/\nfirst\nEOF\n\tthird\n\tEOF3\n");

        Assert.Equal(("first\n", "third\n"), (_build.Text(root, "to/EOF"), _build.Text(root, "to/EOF3")));
    }

    [Fact]
    public async Task Copy_TwoOfTheSameName_TakesTheLastAsDocker()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nCOPY <<EOF <<EOF /to/\nfirst\nEOF\nsecond\nEOF\nENV A=1\n");

        Assert.Equal("second\n", _build.Text(root, "to/EOF"));
    }

    [Fact]
    public async Task Copy_Document_ExpandsUnlessQuoted()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nENV X=5\nCOPY <<EOF /a\n\"$X\" '${X}' \\$X \\\\\nEOF\nCOPY <<\"EOF\" /b\n$X \\$X\nEOF\nCOPY <<E'O'F /c\n$X\nEOF\nCOPY <<-EOF /d\n\t\tx $X\n\t y\n\tEOF\n");

        Assert.Equal("\"5\" '5' $X \\\n", _build.Text(root, "a"));
        Assert.Equal("$X \\$X\n", _build.Text(root, "b"));
        Assert.Equal("$X\n", _build.Text(root, "c"));
        Assert.Equal("x 5\n y\n", _build.Text(root, "d"));
    }

    [Fact]
    public async Task Copy_DocumentIntoAFolderThatIsThere_IsNamedAfterIt()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nCOPY <<EOF /dir/x\nEOF\nCOPY --chmod=600 --chown=7 <<conf /dir\nc\nconf\n");

        var conf = root.Find("dir/conf")!;
        Assert.Equal((0b110_000_000, 7u, 7u), (conf.Mode & 0xFFF, conf.Uid, conf.Gid));
    }

    [Theory]
    [InlineData("RUN <<EOF\na $x\nb\nEOF\n", "a $x\nb\n")]
    [InlineData("RUN <<-EOF\n\ta\n\t\tb\n\tEOF\n", "a\nb\n")]
    [InlineData("RUN <<EOF bash\na\nEOF\n", "<<EOF bash\na\nEOF")]
    [InlineData("RUN <<A cat > f && <<A cat > g\n1\nA\n2\nA\n", "<<A cat > f && <<A cat > g\n1\nA\n2\nA")]
    [InlineData("RUN cat <<A - 3<<-'B' | sort\n1\nA\n\t2\n\tB\n", "cat <<A - 3<<-'B' | sort\n1\nA\n\t2\nB")]
    [InlineData("RUN cat << A\n1\nA\n", "cat << A\n1\nA")]
    [InlineData("RUN cat <<<A\n", "cat <<<A")]
    [InlineData("RUN echo \"<<A\" $((1<<2))\n", "echo \"<<A\" $((1<<2))")]
    [InlineData("RUN cat <<A \\\n  > f\n1\nA\n", "cat <<A   > f\n1\nA")]
    [InlineData("RUN <<A\n# kept\n\n  indented \\\nFROM x\u2028y\nA\n", "# kept\n\n  indented \\\nFROM x\u2028y\n")]
    [InlineData("RUN <<EOF\r\na\r\nEOF\r\n", "a\r\n")]
    public async Task Run_Documents_ReachTheShellAsDockerGivesThem(string run, string command)
    {
        await _build.BuiltAsync($"FROM scratch\n{run}ENV A=1\n");

        Assert.Equal(["/bin/sh", "-c", command], Assert.Single(_build.Step.Commands));
    }

    [Fact]
    public async Task Run_ScriptWithInterpreter_IsGivenToItWhole()
    {
        await _build.BuiltAsync("FROM scratch\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nMODAL_SCRIPT\nEOF\n");

        Assert.Equal("/usr/bin/env python3 - <<'MODAL_SCRIPT_'\n#!/usr/bin/env python3\nprint(1)\nMODAL_SCRIPT\nMODAL_SCRIPT_\n", Assert.Single(_build.Step.Commands)[^1]);
    }

    [Theory]
    [InlineData("RUN <<A <<B\nA\n", "<<B has no end")]
    [InlineData("COPY x <<EOF\nEOF\n", "cannot be a here-document")]
    [InlineData("COPY <<EOF /x\n${\nEOF\n", "names no variable")]
    public async Task Document_Wrong_SaysLineAndWhy(string text, string message)
    {
        var failed = await _build.FailedAsync($"FROM scratch\n{text}", ("x", ""));

        Assert.StartsWith("Dockerfile, line 2: ", failed, StringComparison.Ordinal);
        Assert.Contains(message, failed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Onbuild_Document_BelongsToTheTrigger()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch AS a\nONBUILD COPY <<EOF /x\nhi\nEOF\nENV A=1\nFROM a\n");

        Assert.Equal("hi\n", _build.Text(root, "x"));
    }
}
