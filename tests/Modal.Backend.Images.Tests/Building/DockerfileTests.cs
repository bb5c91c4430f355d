using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Trees;
using Modal.Protocol;
using Xunit;
using static Modal.Backend.Images.Tests.Building.TestBuilder;

namespace Modal.Backend.Images.Tests.Building;

public sealed class DockerfileTests : IDisposable
{
    private readonly TestBuilder _builder = new();

    public DockerfileTests() => _builder.Sandbox.Run = (command, upper, _, _) =>
    {
        // The commands of these tests are "write NAME TEXT".
        var words = command.Trim().Split(' ', 3);
        if (words is ["write", var name, var text])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(upper, name))!);
            File.WriteAllText(Path.Combine(upper, name), text);
        }

        return Task.FromResult(words[0] == "fail" ? 3 : 0);
    };

    public void Dispose() => _builder.Dispose();

    [Fact]
    public async Task Build_SeveralStages_TakesOnlyWhatTheTargetNeeds()
    {
        var (root, record) = await BuiltAsync("""
            ARG NAME=out
            FROM scratch AS tools
            RUN write tool made

            FROM scratch AS unused
            RUN fail

            FROM scratch
            ARG NAME
            ARG MODE=x
            ENV WHERE=/srv/$NAME A="1 2"
            WORKDIR $WHERE
            COPY --from=tools --chmod=755 /tool bin/
            COPY src/*.txt ./docs/
            COPY . all
            RUN write srv/seen ${MODE:+yes}-${NONE:-no}
            CMD ["run", "it"]
            ENTRYPOINT start $A
            """, ("src/a.txt", "a"), ("src/b.txt", "b"), ("src/c.bin", "c"));

        Assert.Equal("made", Text(root, "srv/out/bin/tool"));
        Assert.Equal(0b111_101_101, root.Find("srv/out/bin/tool")!.Mode & 0xFFF);
        Assert.Equal(["a.txt", "b.txt"], root.Find("srv/out/docs")!.Children.Keys.Select(static k => k.ToString()));
        Assert.Equal("c", Text(root, "srv/out/all/src/c.bin"));
        Assert.Equal("${MODE:+yes}-${NONE:-no}", Text(root, "srv/seen"));
        Assert.Equal("x", _builder.Sandbox.Steps.Last().Environment["MODE"]);
        Assert.Equal(("/srv/out", "1 2"), (record.Config.WorkingDirectory, record.Config.Environment["A"]));
        Assert.Equal(["/bin/sh", "-c", "start $A"], record.Config.Entrypoint);
    }

    [Fact]
    public async Task Build_TargetAndArguments_AreTheOnesGiven()
    {
        const string Text = "FROM scratch AS one\nARG X=default\nRUN write x $X\nFROM one AS two\nRUN fail\n";
        var layer = Dockerfile(Text, "one", ("X", "given"));

        var (root, _) = await _builder.BuiltAsync(Spec(layer));

        Assert.Equal("given", _builder.Sandbox.Steps.First().Environment["X"]);
        Assert.NotNull(root.Find("x"));
    }

    [Fact]
    public async Task Build_ChangedFile_BuildsFromItsCopyOn()
    {
        const string Text = "FROM scratch\nRUN write first 1\nCOPY used /used\nRUN write second 2\n";
        await BuiltAsync(Text, ("used", "1"), ("other", "1"));
        await BuiltAsync(Text, ("used", "1"), ("other", "2"));
        Assert.Equal(2, _builder.Sandbox.Steps.Count);

        var (root, _) = await BuiltAsync(Text, ("used", "2"), ("other", "2"));

        Assert.Equal(3, _builder.Sandbox.Steps.Count);
        Assert.Equal("2", Text_(root, "used"));
    }

    [Fact]
    public async Task Build_HereDocuments_AreScriptsAndFiles()
    {
        var (root, _) = await BuiltAsync("FROM scratch\nENV X=5\nCOPY <<EOF /conf\nx=$X\nEOF\nCOPY <<'RAW' /raw\nx=$X\nRAW\nRUN <<END\nwrite script done\nEND\n");

        Assert.Equal(("x=5\n", "x=$X\n", "done"), (Text(root, "conf"), Text(root, "raw"), Text(root, "script").Trim()));
    }

    [Fact]
    public async Task Build_ArchiveWithAdd_IsUnpacked()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("mkdir in; echo x > in/x; tar -czf a.tgz -C in .");
        var bytes = await File.ReadAllBytesAsync(Path.Combine(folder.Path, "a.tgz"), TestContext.Current.CancellationToken);
        var layer = Dockerfile("FROM scratch\nADD a.tgz /unpacked/\nCOPY a.tgz /as-it-is\n", null);
        layer.Files.Add(_builder.Bytes("a.tgz", bytes));

        var (root, _) = await _builder.BuiltAsync(Spec(layer));

        Assert.Equal("x\n", Text(root, "unpacked/x"));
        Assert.Equal(Digest.Of(bytes), root.Find("as-it-is")!.Content!.Digest);
    }

    [Theory]
    [InlineData("RUN x", 1, "before the first FROM")]
    [InlineData("", 1, "no FROM")]
    [InlineData("FROM scratch\nFROBNICATE x", 2, "is no instruction")]
    [InlineData("FROM scratch\nCOPY missing /x", 2, "the context has no 'missing'")]
    [InlineData("FROM scratch\n\n# c\nCOPY one", 4, "at least one source and a destination")]
    [InlineData("FROM scratch\nADD https://example.com/x /x", 2, "does not download")]
    [InlineData("FROM scratch\nENV A=${B", 2, "not closed")]
    [InlineData("FROM scratch\nCOPY --chown=app used /x", 2, "has no user 'app'")]
    [InlineData("FROM scratch\nRUN <<EOF\nx", 2, "has no end")]
    [InlineData("FROM scratch\nRUN --mount=type=ssh x", 2, "type=ssh is not known")]
    public async Task Build_WrongDockerfile_SaysLineAndWhatToDo(string text, int line, string message)
    {
        var layer = Dockerfile(text, null);
        layer.Files.Add(_builder.File_("used", "1"));
        var failed = (await _builder.BuildAsync(Spec(layer)))[^1].Failed;

        Assert.StartsWith($"Dockerfile, line {line}: ", failed.Message, StringComparison.Ordinal);
        Assert.Contains(message, failed.Message, StringComparison.Ordinal);
    }

    private string Text(TreeNode root, string path) => Text_(root, path);

    private string Text_(TreeNode root, string path) => _builder.Read(root.Find(path) ?? throw new InvalidOperationException($"There is no {path}: {string.Join(", ", Listing.Of(root).Select(l => l.Split(' ')[0]))}"));

    private async Task<(TreeNode Root, Modal.Backend.Images.Building.BuildRecord Record)> BuiltAsync(string text, params (string Path, string Content)[] files)
    {
        var layer = Dockerfile(text, null);
        layer.Files.AddRange(files.Select(f => _builder.File_(f.Path, f.Content)));
        return await _builder.BuiltAsync(Spec(layer));
    }

    private ImageLayer Dockerfile(string text, string? target, params (string Name, string Value)[] arguments)
    {
        var layer = new ImageLayer { Operation = "from-dockerfile", Arguments = { "Dockerfile" }, Files = { _builder.File_("Dockerfile", text) } };
        layer.Options.AddRange(arguments.Select(a => new ImageOption { Name = "build-arg", Value = $"{a.Name}={a.Value}" }));
        if (target is not null)
        {
            layer.Options.Add(new ImageOption { Name = "target", Value = target });
        }

        return layer;
    }
}
