using Modal.Backend.Images.Tests.Building;
using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

public sealed class CopyTests : IDisposable
{
    private readonly DockerfileBuild _build = new();

    public void Dispose() => _build.Dispose();

    [Fact]
    public async Task Copy_FromAStage_GivesFilesToRootUnlessToldOtherwise()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("mkdir -p in/sub; echo x > in/sub/f; tar --owner=1000 --group=1001 --mode=4750 -cf a.tar -C in .");
        var layer = _build.Layer("FROM scratch AS a\nADD a.tar /\nFROM scratch\nCOPY --from=a /sub /plain\nCOPY --from=a --chown=5:6 /sub /owned\nCOPY --from=0 --link --chown=8 /sub/f /alone\n");
        layer.Files.Add(_build.Builder.Bytes("a.tar", await File.ReadAllBytesAsync(Path.Combine(folder.Path, "a.tar"), TestContext.Current.CancellationToken)));

        var (root, _) = await _build.Builder.BuiltAsync(TestBuilder.Spec(layer));

        var (plain, owned, alone) = (root.Find("plain/f")!, root.Find("owned/f")!, root.Find("alone")!);
        Assert.Equal((0u, 0u, 0b100_111_101_000), (plain.Uid, plain.Gid, plain.Mode & 0xFFF));
        Assert.Equal((5u, 6u), (owned.Uid, owned.Gid));
        Assert.Equal((8u, 8u), (alone.Uid, alone.Gid));
    }

    [Fact]
    public async Task Add_Archive_KeepsItsOwners()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("echo x > f; tar --owner=1000 --group=1001 -cf a.tar f");
        var layer = _build.Layer("FROM scratch\nADD a.tar /in/\nADD --unpack=false a.tar /packed\n");
        layer.Files.Add(_build.Builder.Bytes("a.tar", await File.ReadAllBytesAsync(Path.Combine(folder.Path, "a.tar"), TestContext.Current.CancellationToken)));

        var (root, _) = await _build.Builder.BuiltAsync(TestBuilder.Spec(layer));

        Assert.Equal((1000u, 1001u), (root.Find("in/f")!.Uid, root.Find("in/f")!.Gid));
        Assert.True(root.Find("packed")!.IsFile);
    }

    [Fact]
    public async Task Add_DamagedArchive_SaysLineAndWhatToDo()
    {
        var layer = _build.Layer("FROM scratch\nADD a.tgz /in/\n");
        layer.Files.Add(_build.Builder.Bytes("a.tgz", [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));

        var failed = (await _build.Builder.BuildAsync(TestBuilder.Spec(layer)))[^1].Failed;

        Assert.StartsWith("Dockerfile, line 2: 'a.tgz' cannot be unpacked", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_OwnerByName_IsLookedUpInTheImage()
    {
        var (root, _) = await _build.BuiltAsync(
            "FROM scratch\nCOPY passwd group /etc/\nARG WHO=app\nCOPY --chown=$WHO f /a\nCOPY --chown=app:staff f /b\nCOPY --chown=3:staff f /c\n",
            ("passwd", "root:x:0:0::/:\napp:x:10:11::/:\n"), ("group", "staff:x:50:\n"), ("f", ""));

        Assert.Equal([(10u, 11u), (10u, 50u), (3u, 50u)], ((string[])["a", "b", "c"]).Select(f => (root.Find(f)!.Uid, root.Find(f)!.Gid)));
    }

    [Fact]
    public async Task Copy_Exclude_LeavesOutWhatMatchesBelowEachSource()
    {
        var (root, _) = await _build.BuiltAsync(
            "FROM scratch\nCOPY --exclude=*.txt --exclude=sub dir* one.md one.txt /to/\nCOPY --exclude=**/*.txt . /all/\n",
            ("dir1/a.txt", ""), ("dir1/a.md", ""), ("dir1/sub/b.md", ""), ("dir2/x/c.txt", ""), ("one.txt", ""), ("one.md", ""));

        Assert.Equal(
            ["all/dir1/a.md", "all/dir1/sub/b.md", "all/one.md", "to/a.md", "to/one.md", "to/x/c.txt"],
            DockerfileBuild.Paths(root));
    }

    [Fact]
    public async Task Copy_Wildcards_MatchAsGoDoesAndMayMatchNothing()
    {
        var (root, _) = await _build.BuiltAsync(
            "FROM scratch\nCOPY [a-c].t? /set/\nCOPY [^a-c].t\\\\? /not/\nCOPY arr[[]0].txt /literal\nCOPY none* a.t? /optional/\n",
            ("a.t1", ""), ("d.t1", ""), ("d.t?", ""), ("arr[0].txt", ""));

        Assert.Equal(["literal", "not/d.t?", "optional/a.t1", "set/a.t1"], DockerfileBuild.Paths(root));
    }

    [Fact]
    public async Task Copy_Folders_ThatAreMadeForIt_HaveItsOwnerAndMode()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nCOPY f /there/f\nCOPY --chown=5:6 d /there/new/deep\nCOPY --chmod=700 f /private/f\n", ("f", ""), ("d/f", ""));

        Assert.Equal([(0u, 0u), (5u, 6u), (5u, 6u)], ((string[])["there", "there/new", "there/new/deep"]).Select(f => (root.Find(f)!.Uid, root.Find(f)!.Gid)));
        Assert.Equal((0b111_000_000, 0b111_101_101), (root.Find("private")!.Mode & 0xFFF, root.Find("there/new")!.Mode & 0xFFF));
    }

    [Fact]
    public async Task Copy_Link_IsFollowedIfItIsNamedAndKeptInAFolder()
    {
        var layer = _build.Layer("FROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY link-* /context/\nCOPY folder/file /through\nCOPY --from=a /link-up /stage/\nCOPY --from=a /real /kept/\n", ("real/file", "1"), ("other", "2"));
        layer.Files.Add([
            new() { Path = "link-up", LinkTarget = "/real/../real/file" }, new() { Path = "folder", LinkTarget = "real" },
            new() { Path = "real/nothing", LinkTarget = "nowhere" }, new() { Path = "real/loop", LinkTarget = "loop" }]);

        var (root, _) = await _build.Builder.BuiltAsync(TestBuilder.Spec(layer));

        Assert.Equal(["context/link-up", "kept/file", "kept/loop", "kept/nothing", "stage/link-up", "through"], DockerfileBuild.Paths(root));
        Assert.Equal(["1", "1", "1"], ((string[])["context/link-up", "through", "stage/link-up"]).Select(p => _build.Text(root, p)));
        Assert.True(root.Find("kept/nothing")!.IsLink);
        Assert.Contains("there is no '/real/loop' to copy", await FailedAsync("FROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY --from=a /real/loop /x\n"), StringComparison.Ordinal);

        async Task<string> FailedAsync(string text)
        {
            layer.Files[layer.Files.ToList().FindIndex(static f => f.Path == "Dockerfile.modal")] = _build.Builder.File_("Dockerfile.modal", text);
            return (await _build.Builder.BuildAsync(TestBuilder.Spec(layer)))[^1].Failed.Message;
        }
    }

    [Fact]
    public async Task Copy_ToALinkToAFolder_GoesWhereItLeads()
    {
        var layer = _build.Layer("FROM scratch\nCOPY base /\nCOPY f /bin\nCOPY d /\n", ("base/usr/bin/x", ""), ("f", ""), ("d/bin/y", ""));
        layer.Files.Add(new Modal.Protocol.ImageFile { Path = "base/bin", LinkTarget = "usr/bin" });

        var (root, _) = await _build.Builder.BuiltAsync(TestBuilder.Spec(layer));

        Assert.Equal(["bin", "usr/bin/f", "usr/bin/x", "usr/bin/y"], DockerfileBuild.Paths(root));
    }

    [Fact]
    public async Task Copy_Context_HasNoDockerfileOfTheBuilder()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nCOPY . /all/\n", ("Dockerfile", "other"), ("x", ""));

        Assert.Equal(["all/Dockerfile", "all/x"], DockerfileBuild.Paths(root));
    }

    [Fact]
    public async Task Copy_JsonForm_HasNamesWithSpacesAndEscapes()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nENV X=to\nCOPY [ \"a b\", \"\\u0063\", \"/$X dir/\" ]\n", ("a b", ""), ("c", ""));

        Assert.Equal(["to dir/a b", "to dir/c"], DockerfileBuild.Paths(root));
    }

    [Fact]
    public async Task Copy_VariableWithSpaces_IsOneSource()
    {
        var (root, _) = await _build.BuiltAsync("FROM scratch\nENV F=\"a b\"\nCOPY $F /x\n", ("a b", "1"));

        Assert.Equal("1", _build.Text(root, "x"));
    }

    [Theory]
    [InlineData("COPY --parents d /x", "COPY --parents is not possible here")]
    [InlineData("ADD --checksum=sha256:0 f /x", "ADD --checksum is not possible here")]
    [InlineData("ADD --keep-git-dir f /x", "ADD --keep-git-dir is not possible here")]
    [InlineData("ADD https://x/y /x", "does not download")]
    [InlineData("ADD git@github.com:a/b /x", "does not download")]
    [InlineData("RUN --network=none x", "RUN --network=none is not possible here; default is")]
    [InlineData("RUN --security=insecure x", "sandbox is what every step has")]
    [InlineData("RUN --device=gpu x", "RUN --device is not possible here")]
    [InlineData("RUN --frob x", "RUN has no flag --frob; it takes --mount, --network, --security")]
    [InlineData("ENV --x a=b", "ENV has no flag --x; it takes none")]
    [InlineData("COPY --chmod=u+x f /x", "an octal number")]
    [InlineData("COPY --chmod=17777 f /x", "an octal number")]
    [InlineData("COPY --chmod f /x", "has no value")]
    [InlineData("COPY --chmod=1 --chmod=2 f /x", "is there twice")]
    [InlineData("COPY --link=maybe f /x", "true or false")]
    [InlineData("COPY --from=$X f /x", "variables have no values here")]
    [InlineData("COPY --from=1 f /x", "there is no stage 1 before this one")]
    [InlineData("COPY --chown=nobody f /x", "/etc/passwd has no user 'nobody'")]
    [InlineData("COPY \"a b\" /x", "need the form")]
    [InlineData("COPY $NONE /x", "stands for nothing")]
    [InlineData("COPY [a- /x/", "cannot be read")]
    [InlineData("COPY d f", null)]
    [InlineData("COPY --exclude=!x d /x", ".dockerignore only")]
    [InlineData("RUN --mount=type=tmpfs,target=/t x", "type=tmpfs is not known here")]
    [InlineData("RUN --mount=type=bind,target=/t,rw x", "rw=… is not possible here. Copy")]
    [InlineData("RUN --mount=type=cache,target=/t,uid=5 x", "uid=… is not possible here. It takes")]
    [InlineData("FROM --platform=linux/arm64 scratch", "images are for linux/amd64")]
    [InlineData("ONBUILD FROM x", "ONBUILD FROM is not possible")]
    [InlineData("RUN [\"a\", 1]", "must have texts only")]
    [InlineData("RUN []", "RUN has no command")]
    [InlineData("RUN", "RUN has no command")]
    [InlineData("SHELL /bin/sh", "SHELL takes a JSON array")]
    [InlineData("VOLUME []", "at least one argument")]
    public async Task Flag_OrFormThatCannotBeObeyed_SaysLineAndWhatToDo(string instruction, string? message)
    {
        var last = (await _build.Builder.BuildAsync(TestBuilder.Spec(_build.Layer($"FROM scratch\n# one\n{instruction}\n", ("f", ""), ("d/f", "")))))[^1];

        Assert.Equal(message is null, last.Built is not null);
        Assert.StartsWith(message is null ? "" : "Dockerfile, line 3: ", last.Failed?.Message ?? "", StringComparison.Ordinal);
        Assert.Contains(message ?? "", last.Failed?.Message ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("COPY d /d", "COPY d /d/f", "'/d/f' is a file")]
    [InlineData("COPY d /t/f", "COPY f /t/", "'/t/f' is a folder")]
    [InlineData("COPY f /t", "COPY . /", null)]
    [InlineData("COPY f /d", "COPY . /", "'d' is a file")]
    public async Task Copy_FileOverFolderAndBack_IsRefused(string first, string second, string? message)
    {
        var last = (await _build.Builder.BuildAsync(TestBuilder.Spec(_build.Layer($"FROM scratch\n{first}\n{second}\n", ("f", ""), ("d/f", "")))))[^1];

        Assert.Equal(message is null, last.Built is not null);
        Assert.StartsWith(message is null ? "" : $"Dockerfile, line 3: {message}", last.Failed?.Message ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RUN [\"a\\\"b\", \"\\u00e9\\\\\"]", new[] { "a\"b", "é\\" })]
    [InlineData("RUN [\"a\",]", new[] { "/bin/sh", "-c", "[\"a\",]" })]
    [InlineData("RUN ['a']", new[] { "/bin/sh", "-c", "['a']" })]
    [InlineData("RUN [ -f x ] && y", new[] { "/bin/sh", "-c", "[ -f x ] && y" })]
    [InlineData("RUN [\"a\"] b", new[] { "/bin/sh", "-c", "[\"a\"] b" })]
    [InlineData("RUN --network=default --mount=type=cache,target=/c,sharing=locked -- --x", new[] { "/bin/sh", "-c", "--x" })]
    [InlineData("run echo \\\\", new[] { "/bin/sh", "-c", "echo \\\\" })]
    [InlineData("RUN a \\\n# c\n\n  b \\  \n  c", new[] { "/bin/sh", "-c", "a   b   c" })]
    public async Task Run_Form_GivesTheCommandThatDockerGives(string run, string[] command)
    {
        await _build.BuiltAsync($"FROM scratch\n{run}\n");

        Assert.Equal(command, Assert.Single(_build.Step.Commands));
    }

    [Fact]
    public async Task Run_BindOfAnEmptyContext_IsAnEmptyFolder()
    {
        var seen = -1;
        _build.Builder.Sandbox.Run = (_, _, _, _) => Task.FromResult((seen = Directory.GetFileSystemEntries(_build.Step.Binds["/src"]).Length) * 0);

        await _build.BuiltAsync("FROM scratch\nARG AT=/src\nRUN --mount=target=$AT,readonly x\n");

        Assert.Equal(0, seen);
        Assert.StartsWith("Dockerfile, line 2: the context has no '/none' to mount", await _build.FailedAsync("FROM scratch\nRUN --mount=type=bind,source=none,target=/x x\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_JsonForms_AreArrays()
    {
        var (_, record) = await _build.BuiltAsync("FROM scratch\nSHELL [\"/bin/bash\", \"-c\"]\nVOLUME [\"/a\", \"/b\"]\nENTRYPOINT [\"e\", \"\\t\"]\nCMD [x]\n");

        Assert.Equal(["e", "\t"], record.Config.Entrypoint);
        Assert.Equal(["/bin/bash", "-c", "[x]"], record.Config.Command);
    }
}
