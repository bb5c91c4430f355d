using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Images;

/// <summary>Images built and used for real: Debian's packages, a package index, a registry, Dockerfiles.</summary>
public sealed class ImageScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 400_000)]
    public async Task Call_ImageWithPackages_HasThemAndIsBuiltOnce()
    {
        daemon.RequireGVisor();
        Assert.Equal("10", await Imaged.Remote.Numpy.CallAsync(Limit));
        using var other = new ClientProcess(DaemonFixture.StateDirectory, "same-image");
        Assert.Equal(0, await other.ExitAsync(TimeSpan.FromMinutes(5)));
        Assert.StartsWith("Python 3", other.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Building", other.Error, StringComparison.Ordinal);
        Assert.Equal("refused", await Imaged.Remote.Scribble.CallAsync(Limit));

        // A package from an index on this machine, over that image: only its own layer is new.
        using var index = await PackageIndex.StartAsync();
        Environment.SetEnvironmentVariable("TEST_PIP_INDEX", index.Url);
        Assert.Equal("from the index", await Imaged.Remote.FromLocalIndex.CallAsync(Limit));
    }

    [Fact(Timeout = 400_000)]
    public async Task Call_ImageOfARegistryAndADockerfile_AreWhatTheyDescribe()
    {
        daemon.RequireGVisor();
        await using var registry = await LocalRegistry.StartAsync();
        Environment.SetEnvironmentVariable("TEST_REGISTRY_IMAGE", await registry.PushAsync(Path.Combine(DaemonFixture.StateDirectory, "base"), "scenario/base:1"));
        var folder = Directory.CreateTempSubdirectory("modal-context-");
        try
        {
            Directory.CreateDirectory(Path.Combine(folder.FullName, "sub"));
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "sub", "two.txt"), "two", Limit);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "one.txt"), "one", Limit);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "x.log"), "log", Limit);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "Dockerfile"), """
                ARG BASE
                FROM ${BASE} AS build
                RUN --mount=type=cache,target=/cache echo cached > /cache/x; mkdir -p /out; echo "made by $(cat /cache/x)" > /out/made.txt
                FROM ${BASE}
                COPY sub/ /srv/sub/
                COPY --from=build /out/made.txt /srv/
                RUN rm /srv/sub/two.txt
                """, Limit);
            Environment.SetEnvironmentVariable("TEST_LOCAL_DIRECTORY", folder.FullName);
            Environment.SetEnvironmentVariable("TEST_DOCKER_CONTEXT", folder.FullName);

            Assert.Equal("hello|/srv/work|1234|two|one|False|False", await Imaged.Remote.Describe.CallAsync(Limit));
            Assert.Equal("made by cached\n", await Imaged.Remote.ReadBuilt.CallAsync(Limit));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact(Timeout = 200_000)]
    public async Task Call_OnAWorkerThatDidNotBuildTheImage_HasItFromTheServersStore()
    {
        daemon.RequireGVisor();
        var (state, socket) = TestState.Create("peers");
        var (first, _) = TestState.Create("first");
        var (second, _) = TestState.Create("second");
        using var server = HostProcess.Serve(state, "--role", "server");
        var worker = HostProcess.Serve(first, "--role", "worker", "--server", $"unix://{socket}");
        try
        {
            using (var client = new ClientProcess(state, "made"))
            {
                Assert.Equal(0, await client.ExitAsync(TimeSpan.FromMinutes(2)));
                Assert.Contains("Building", client.Error, StringComparison.Ordinal);
            }

            await HostProcess.StopAsync(worker);
            worker = HostProcess.Serve(second, "--role", "worker", "--server", $"unix://{socket}");
            using var other = new ClientProcess(state, "made");
            Assert.True(await other.ExitAsync(TimeSpan.FromMinutes(1)) == 0, other.Error);
            Assert.Equal("made\n", other.Out);
            Assert.DoesNotContain("Building", other.Error, StringComparison.Ordinal);
            Assert.False(Directory.Exists(Path.Combine(second, "store")));
        }
        finally
        {
            await HostProcess.StopAsync(worker);
            await TestState.StopAsync(state);
            Directory.Delete(first, recursive: true);
            Directory.Delete(second, recursive: true);
        }
    }

    [Fact(Timeout = 200_000)]
    public async Task Call_WhereImagesAreUnpacked_BuildsAndRunsAllTheSame()
    {
        daemon.RequireGVisor();
        var (state, _) = TestState.Create("unpack");
        var host = HostProcess.Serve(state, "--images", "unpack");
        try
        {
            for (var i = 0; i < 2; i++)
            {
                using var client = new ClientProcess(state, "made");
                Assert.True(await client.ExitAsync(TimeSpan.FromMinutes(2)) == 0, client.Error);
                Assert.Equal("made\n", client.Out);
            }

            // The base, for the step, and the image.
            Assert.Equal(2, Directory.GetDirectories(Path.Combine(state, "unpacked")).Length);
            Assert.False(Directory.Exists(Path.Combine(state, "imagefs")));
        }
        finally
        {
            await HostProcess.StopAsync(host);
            Directory.Delete(state, recursive: true);
        }
    }

    [Fact(Timeout = 200_000)]
    public async Task Call_ImageThatAFunctionPrepared_HasWhatItWrote()
    {
        daemon.RequireGVisor();

        Assert.Equal("by a function by a function by a function as root in /srv", await Imaged.Remote.ReadPrepared.CallAsync(Limit));
        var error = await Assert.ThrowsAsync<ImageBuildException>(() => Imaged.Remote.NeverPrepared.CallAsync(Limit));
        Assert.Equal((1, 1, "Modal.ScenarioApp.Imaged.Refuse"), (error.Layer, error.ExitCode, error.Command));
        Assert.Contains("System.InvalidOperationException: There is nothing to prepare.", error.OutputTail, StringComparison.Ordinal);
        Assert.Contains("at Modal.ScenarioApp.Imaged.Refuse()", error.OutputTail, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_BuildThatFails_SaysWhichCommandAndWhatItPrinted()
    {
        daemon.RequireGVisor();
        var error = await Assert.ThrowsAsync<ImageBuildException>(() => Imaged.Remote.NeverRuns.CallAsync(Limit));

        Assert.Equal((1, 3, "echo before; echo to stderr >&2; exit 3"), (error.Layer, error.ExitCode, error.Command));
        Assert.Contains("before", error.OutputTail, StringComparison.Ordinal);
        Assert.Contains("to stderr", error.OutputTail, StringComparison.Ordinal);
    }

    [Fact(Timeout = 200_000)]
    public async Task Call_WhileTheFileSystemsServerIsKilled_SeesNothingOfIt()
    {
        daemon.RequireGVisor();
        Assert.Equal("10", await Imaged.Remote.Numpy.CallAsync(Limit));
        for (var i = 0; i < 5; i++)
        {
            var pid = await Sandboxes.FindImageServerAsync(DaemonFixture.StateDirectory, Limit);
            Signal.Send(pid, Signal.Kill);
            Assert.Equal("10", await Imaged.Remote.Numpy.CallAsync(Limit));
        }
    }
}
