using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;
using Modal.Protocol;
using Xunit;
using static Modal.Backend.Images.Tests.Building.TestBuilder;

namespace Modal.Backend.Images.Tests.Building;

public sealed class ImageBuilderTests : IDisposable
{
    private readonly TestBuilder _builder = new();

    public void Dispose() => _builder.Dispose();

    [Fact]
    public async Task Build_CommandsThatWrite_AreLayersWithTheirFiles()
    {
        _builder.Sandbox.Run = Write;

        var (root, _) = await _builder.BuiltAsync(Spec(Layer("debian-slim"), Layer("run-commands", "one", "two"), Layer("run-commands", "three")));

        Assert.Equal(["dev", "etc", "etc/os", "modal", "one", "proc", "sys", "three", "tmp", "two"], Listing.Of(root).Select(static l => l.Split(' ')[0]).Where(static p => !p.StartsWith("modal/", StringComparison.Ordinal)));
        Assert.Equal(Digest.Of("one"u8), root.Find("one")!.Content!.Digest);
    }

    [Fact]
    public async Task Build_TheSameAgain_BuildsNothingAndHasTheSameId()
    {
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "one"));
        var first = await _builder.BuildAsync(spec);
        var second = await _builder.BuildAsync(spec);

        Assert.Equal(first[^1].Built.ImageId, second[^1].Built.ImageId);
        Assert.Equal((2, 0), (first[^1].Built.BuiltLayers, second[^1].Built.BuiltLayers));
        Assert.Single(_builder.Sandbox.Steps);
        Assert.DoesNotContain(second, e => e.Started is not null);
    }

    [Fact]
    public async Task Build_TheSameAgainWithMountsAndAWorkingDirectory_StoresNothing()
    {
        var mount = new ImageLayer { Operation = "add-local-file", Arguments = { "/etc/app.conf" }, Files = { _builder.File_("app.conf", "x=1") } };
        var spec = Spec(Layer("debian-slim"), Layer("workdir", "/srv/new"), mount);
        var first = await _builder.BuildAsync(spec);
        _builder.Tier.Puts.Clear();

        var second = await _builder.BuildAsync(spec);

        Assert.Empty(_builder.Tier.Puts);
        Assert.Equal(first[^1].Built.ImageId, second[^1].Built.ImageId);
        var (root, _) = await _builder.BuiltAsync(spec);
        Assert.True(root.Find("srv/new")!.IsDirectory);
        Assert.NotNull(root.Find("etc/app.conf"));
    }

    [Fact]
    public async Task Build_OfALayerWhoseIndexIsGone_MakesItAgain()
    {
        _builder.Sandbox.Run = Write;
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "one"));
        var first = await _builder.BuildAsync(spec);
        var index = (await _builder.Store.ResolveAsync(first[^1].Built.ImageId, TestContext.Current.CancellationToken)).Index;
        await _builder.Tier.DeleteAsync($"index/{index}", TestContext.Current.CancellationToken);

        var second = await _builder.BuildAsync(spec);

        Assert.Equal(1, second[^1].Built.BuiltLayers);
        Assert.Equal(2, _builder.Sandbox.Steps.Count);
        await _builder.BuiltAsync(spec);
    }

    [Fact]
    public async Task Build_OfWhatWasBuiltLastMonth_EndsWithAnImageThatStays()
    {
        _builder.Sandbox.Run = Write;
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "one"), Layer("workdir", "/srv/new"));
        await _builder.BuildAsync(spec);
        _builder.Time.SetUtcNow(new DateTimeOffset(2026, 4, 30, 22, 0, 0, TimeSpan.Zero));

        var again = (await _builder.BuildAsync(spec))[^1].Built;

        Assert.Equal(0, again.BuiltLayers);
        var collector = new Collector(_builder.Tier, new CollectorOptions(), _builder.Time);
        for (var day = 0; day < 5; day++)
        {
            _builder.Time.Advance(TimeSpan.FromDays(6));
            await collector.RunAsync([], TestContext.Current.CancellationToken);
        }

        _builder.Tier.Puts.Clear();
        var (root, _) = await _builder.BuiltAsync(spec);
        Assert.Equal("one", _builder.Read(root.Find("one")!));
        Assert.Single(_builder.Sandbox.Steps);
    }

    [Fact]
    public async Task Build_OnASharedLayer_BuildsOnlyWhatIsNew()
    {
        await _builder.BuildAsync(Spec(Layer("debian-slim"), Layer("run-commands", "one"), Layer("run-commands", "two")));
        var events = await _builder.BuildAsync(Spec(Layer("debian-slim"), Layer("run-commands", "one"), Layer("run-commands", "other")));

        Assert.Equal(1, events[^1].Built.BuiltLayers);
        Assert.Equal(["one", "two", "other"], _builder.Sandbox.Steps.Select(s => s.Commands[0][^1]));
    }

    [Fact]
    public async Task Build_ForcedLayer_IsBuiltAgainWithAllAboveIt()
    {
        var forced = Spec(Layer("debian-slim"), Layer("run-commands", "one"), Layer("run-commands", "two"), Layer("run-commands", "three"));
        await _builder.BuildAsync(forced);
        forced.Layers[2].ForceBuild = true;

        var events = await _builder.BuildAsync(forced);

        Assert.Equal(2, events[^1].Built.BuiltLayers);
        Assert.Equal(5, _builder.Sandbox.Steps.Count);
    }

    [Fact]
    public async Task Build_TwoAtOnce_MakeASharedLayerOnceAndBothSeeItsOutput()
    {
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _builder.Sandbox.Run = async (_, _, print, _) =>
        {
            print("hello\n");
            begun.TrySetResult();
            await go.Task;
            print("bye\n");
            return 0;
        };
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "slow"));
        await _builder.BuildAsync(Spec(Layer("debian-slim")));
        var first = _builder.BuildAsync(spec);
        await begun.Task;
        var second = _builder.BuildAsync(spec);
        go.SetResult();

        var both = await Task.WhenAll(first, second);

        Assert.Single(_builder.Sandbox.Steps);
        Assert.All(both, events => Assert.Equal("hello\nbye\n", Output(events)));
    }

    [Fact]
    public async Task Build_OfALayerThatAnotherEndsJustThen_TakesTheOthers()
    {
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "slow"));
        await _builder.BuildAsync(Spec(Layer("debian-slim")));
        var (asked, go, asks) = (new TaskCompletionSource(), new TaskCompletionSource(), 0);

        // The second thing asked for is the layer of the commands: not there yet, and the answer takes its time.
        _builder.Tier.BeforeAnswer = key =>
        {
            if (!key.StartsWith("build/", StringComparison.Ordinal) || Interlocked.Increment(ref asks) != 2)
            {
                return Task.CompletedTask;
            }

            asked.SetResult();
            return go.Task;
        };
        var slow = _builder.BuildAsync(spec);
        await asked.Task;
        var fast = await _builder.BuildAsync(spec);
        go.SetResult();

        var events = await slow;

        Assert.Single(_builder.Sandbox.Steps);
        Assert.Equal((1, 0), (fast[^1].Built.BuiltLayers, events[^1].Built.BuiltLayers));
        Assert.Equal(fast[^1].Built.ImageId, events[^1].Built.ImageId);
        Assert.Contains(events, e => e.Finished is { Layer: 1, Cached: true });
    }

    [Fact]
    public async Task Build_ForAFunctionWithoutGlibc_IsRefusedWithAdvice()
    {
        var spec = Spec(Layer("from-scratch"));

        var failed = (await _builder.BuildAsync(spec, request => request.ForFunction = true))[^1].Failed;
        var asABase = (await _builder.BuildAsync(spec))[^1].Built;

        Assert.StartsWith("No C# function can run in this image. The image has no glibc", failed.Message, StringComparison.Ordinal);
        Assert.Contains("DebianSlim()", failed.Message, StringComparison.Ordinal);
        Assert.Equal(-1, failed.Layer);
        Assert.NotNull(asABase);
    }

    [Fact]
    public async Task Build_ForAFunctionWithLessThanUsual_SaysSoOnce()
    {
        var spec = SpecWithoutCertificates();

        var first = await _builder.BuildAsync(spec, request => request.ForFunction = true);
        var again = await _builder.BuildAsync(spec, request => request.ForFunction = true);

        Assert.NotNull(first[^1].Built);
        Assert.Contains("no certificates of authorities", Output(first), StringComparison.Ordinal);
        Assert.NotNull(again[^1].Built);
        Assert.Empty(Output(again));
    }

    [Fact]
    public async Task Build_ForAFunctionOnAnotherWorker_ReadsNothingOfTheImage()
    {
        var spec = SpecWithoutCertificates();
        await _builder.BuildAsync(spec, request => request.ForFunction = true);
        _builder.Tier.BeforeAnswer = static key => key.StartsWith("pack/", StringComparison.Ordinal) || key.StartsWith("index/", StringComparison.Ordinal) ? throw new TierException($"{key} was read.") : Task.CompletedTask;
        using var elsewhere = new ImageBuilder(_builder.Store, _builder.Sandbox, _builder, new ImageBuilderOptions(), NullLogger<ImageBuilder>.Instance);
        var events = new List<BuildEvent>();

        await elsewhere.BuildAsync(new BuildImageRequest { Image = spec, ForFunction = true }, events.Add, TestContext.Current.CancellationToken);

        Assert.Equal(0, events[^1].Built.BuiltLayers);
        Assert.Single(_builder.Tier.Puts, static key => key.StartsWith("trace/", StringComparison.Ordinal));
    }

    private ImageSpec SpecWithoutCertificates()
    {
        var copy = Layer("add-local-directory", "/");
        copy.Options.Add(new ImageOption { Name = "copy", Value = "true" });
        byte[] loader = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0];
        copy.Files.Add(_builder.Bytes("lib64/ld-linux-x86-64.so.2", loader));
        copy.Files.Add(_builder.File_("lib64/libc.so.6", "\0GLIBC_2.27\0"));
        copy.Files.Add(_builder.File_("lib64/libgcc_s.so.1", "1"));
        copy.Files.Add(_builder.File_("lib64/libssl.so.3", "1"));
        copy.Files.Add(_builder.File_("lib64/libstdc++.so.6", "1"));
        copy.Files.Add(_builder.File_("usr/share/zoneinfo/UTC", "1"));
        return Spec(Layer("from-scratch"), copy);
    }

    [Fact]
    public async Task Build_OneOfTwoGoesAway_TheOtherGetsTheLayer()
    {
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _builder.Sandbox.Run = async (_, _, _, token) =>
        {
            begun.TrySetResult();
            await go.Task.WaitAsync(token);
            return 0;
        };
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "slow"));
        await _builder.BuildAsync(Spec(Layer("debian-slim")));
        using var leave = new CancellationTokenSource();
        var first = _builder.BuildAsync(spec, cancellationToken: leave.Token);
        await begun.Task;
        var second = _builder.BuildAsync(spec);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        go.SetResult();

        Assert.NotNull((await second)[^1].Built);
        Assert.Single(_builder.Sandbox.Steps);
    }

    [Fact]
    public async Task Build_AllGoAway_EndsTheStep()
    {
        var ended = new TaskCompletionSource();
        using var leave = new CancellationTokenSource();
        _builder.Sandbox.Run = async (_, _, _, token) =>
        {
            await leave.CancelAsync();
            await Task.Delay(Timeout.Infinite, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ended.SetResult();
            token.ThrowIfCancellationRequested();
            return 0;
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _builder.BuildAsync(Spec(Layer("debian-slim"), Layer("run-commands", "x")), cancellationToken: leave.Token));

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Build_FailingCommand_SaysWhichAndWhatItPrintedAndIsNotKept()
    {
        var fail = true;
        _builder.Sandbox.Run = (command, _, print, _) =>
        {
            print(string.Concat(Enumerable.Range(0, 30).Select(i => $"{command} {i}\n")));
            return Task.FromResult(command == "bad" && fail ? 7 : 0);
        };
        var spec = Spec(Layer("debian-slim"), Layer("run-commands", "good", "bad", "never"));

        var failed = (await _builder.BuildAsync(spec))[^1].Failed;
        fail = false;
        var again = await _builder.BuildAsync(spec);

        Assert.Equal((1, "bad", 7), (failed.Layer, failed.Command, failed.ExitCode));
        Assert.Equal("'bad' ended with exit code 7.", failed.Message);
        Assert.Equal(20, failed.OutputTail.Split('\n').Length);
        Assert.EndsWith("bad 29", failed.OutputTail, StringComparison.Ordinal);
        Assert.NotNull(again[^1].Built);
    }

    [Fact]
    public async Task Build_Settings_AreInTheImageAndInLaterSteps()
    {
        var spec = Spec(
            Layer("debian-slim"), new ImageLayer { Operation = "env", Options = { new ImageOption { Name = "A", Value = "1" } } }, Layer("workdir", "/srv/app"), Layer("user", "1000"),
            Layer("run-commands", "one"), Layer("entrypoint", "/bin/x", "y"));

        var (root, record) = await _builder.BuiltAsync(spec);

        var step = Assert.Single(_builder.Sandbox.Steps);
        Assert.Equal(("1", "/srv/app", "1000"), (step.Environment["A"], step.WorkingDirectory, step.User));
        Assert.True(root.Find("srv/app")!.IsDirectory);
        Assert.Equal(["/bin/x", "y"], record.Config.Entrypoint);
    }

    [Fact]
    public async Task Build_Secret_ReachesItsStepAndNothingElse()
    {
        var layer = Layer("run-commands", "one");
        layer.Secrets.Add("token");
        var spec = Spec(Layer("debian-slim"), layer);

        var (_, record) = await _builder.BuiltAsync(spec, r => r.Secrets.Add(new BuildSecret { Name = "token", Variables = { ["TOKEN"] = "s3cr3t" } }));
        var other = await _builder.BuildAsync(spec, r => r.Secrets.Add(new BuildSecret { Name = "token", Variables = { ["TOKEN"] = "another" } }));
        var missing = await _builder.BuildAsync(Spec(Layer("debian-slim"), new ImageLayer(layer) { Arguments = { "two" } }));

        Assert.Equal("s3cr3t", Assert.Single(_builder.Sandbox.Steps).Environment["TOKEN"]);
        Assert.DoesNotContain("s3cr3t", record.Config.ToJson(), StringComparison.Ordinal);
        Assert.Equal(0, other[^1].Built.BuiltLayers);
        Assert.Contains("'token'", missing[^1].Failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_CopiedFiles_AreInTheImageAndMountedOnesAreNot()
    {
        var copy = new ImageLayer { Operation = "add-local-directory", Arguments = { "/app" }, Options = { new ImageOption { Name = "copy", Value = "true" } } };
        copy.Files.AddRange([_builder.File_("a/b.txt", "b"), _builder.File_("run.sh", "#!", 0b111_101_101), new ImageFile { Path = "link", LinkTarget = "a/b.txt" }]);
        var mount = new ImageLayer { Operation = "add-local-file", Arguments = { "/etc/app.conf" }, Files = { _builder.File_("app.conf", "x=1") } };

        var (root, record) = await _builder.BuiltAsync(Spec(Layer("debian-slim"), copy, mount));

        Assert.Equal(Digest.Of("b"u8), root.Find("app/a/b.txt")!.Content!.Digest);
        Assert.Equal(0b111_101_101, root.Find("app/run.sh")!.Mode & 0xFFF);
        Assert.Equal("a/b.txt", Encoding.UTF8.GetString(root.Find("app/link")!.Target.Span));
        Assert.Null(root.Find("etc/app.conf")!.Content);
        Assert.Equal(("/etc/app.conf", "app.conf"), (record.Mounts[0].Target, record.Mounts[0].Files[0].Path));
    }

    public static TheoryData<ImageSpec, string> Wrong() => new()
    {
        { Spec(), "no layers" },
        { Spec(Layer("run-commands", "x")), "begins with one of" },
        { Spec(Layer("debian-slim"), Layer("debian-slim")), "only an image's first layer" },
        { Spec(Layer("debian-slim"), Layer("frobnicate")), "does not know the operation; it knows add-local-directory" },
        { Spec(Layer("debian-slim"), Layer("apt-install", "Bad Name")), "'Bad Name' is no name of a Debian package" },
        { Spec(Layer("debian-slim"), Layer("apt-install", "-o=x")), "begins with a dash" },
        { Spec(Layer("debian-slim"), Layer("pip-install", "--index-url=x")), "give options as ExtraOptions" },
        { Spec(Layer("debian-slim"), Layer("workdir", "relative")), "not an absolute path" },
        { Spec(Layer("debian-slim"), Layer("user", "a b")), "is no user" },
        { Spec(Layer("from-registry", "--help")), "is no reference" },
        { Spec(Layer("debian-slim"), new ImageLayer { Operation = "add-local-directory", Arguments = { "/x" } }, Layer("run-commands", "y")), "copy: true" },
        { Spec(Layer("debian-slim"), new ImageLayer { Operation = "add-local-file", Arguments = { "/x" }, Files = { new ImageFile { Path = "../etc/passwd", Digest = new string('0', 64) } } }), "without '.' and '..'" },
        { Spec(Layer("debian-slim"), new ImageLayer { Operation = "add-local-directory", Arguments = { "/x" }, Files = { new ImageFile { Path = "a", LinkTarget = "/etc" }, new ImageFile { Path = "a/b", Digest = new string('0', 64) } } }), "which is no folder" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Build_WrongDefinition_SaysWhatToDo(ImageSpec spec, string message)
    {
        var failed = (await _builder.BuildAsync(spec))[^1].Failed;

        Assert.Contains(message, failed.Message, StringComparison.Ordinal);
        Assert.Empty(_builder.Sandbox.Steps);
    }

    internal static Task<int> Write(string command, string upper, Action<string> print, CancellationToken cancellationToken)
    {
        File.WriteAllText(Path.Combine(upper, command), command);
        return Task.FromResult(0);
    }

    private static string Output(IEnumerable<BuildEvent> events) => string.Concat(events.Where(e => e.Output is not null).Select(e => e.Output.Data.ToStringUtf8()));
}
