using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Gpus.Native;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Gpus;

/// <summary>What containers have of GPUs. The driver is a stand-in: that nodes, libraries and variables arrive is shown, computing is not.</summary>
public sealed class GpuContainerTests
{
    [Fact]
    public void Configuration_WithAGpu_HasItsNodesLibrariesAndVariablesAndNoOther()
    {
        var access = new GpuAccess(
            "550.90.07",
            [new DeviceNode("nvidiactl", 195, 255), new DeviceNode("nvidia3", 195, 3)],
            [new BindMount("/modal/gpu/libcuda.so.1", "/usr/lib/libcuda.so.550.90.07")],
            new Dictionary<string, string> { ["NVIDIA_VISIBLE_DEVICES"] = "GPU-1", ["LD_LIBRARY_PATH"] = "/modal/gpu" });
        var spec = new BundleSpec
        {
            Root = "/r",
            Command = ["/c"],
            WorkingDirectory = "/",
            MemoryMiB = 64,
            Gpu = access,
            Environment = new Dictionary<string, string> { ["NVIDIA_VISIBLE_DEVICES"] = "all", ["LD_LIBRARY_PATH"] = "/own", ["A"] = "b" },
        };

        var configuration = GVisorBundle.Configuration(spec);

        Assert.Equal(
            ["/dev/nvidiactl c 195 255 438", "/dev/nvidia3 c 195 3 438"],
            configuration["linux"]!["devices"]!.AsArray().Select(d => $"{d!["path"]} {d["type"]} {d["major"]} {d["minor"]} {d["fileMode"]}"));
        Assert.Equal(
            ["A=b", "LD_LIBRARY_PATH=/modal/gpu:/own", "NVIDIA_VISIBLE_DEVICES=GPU-1"],
            configuration["process"]!["env"]!.AsArray().Select(e => e!.GetValue<string>()).Order(StringComparer.Ordinal));
        var library = Assert.Single(configuration["mounts"]!.AsArray(), m => m!["destination"]!.GetValue<string>() == "/modal/gpu/libcuda.so.1")!;
        Assert.Contains("ro", library["options"]!.AsArray().Select(o => o!.GetValue<string>()));
        Assert.Empty(GVisorBundle.Configuration(spec with { Gpu = null })["linux"]!["devices"]!.AsArray());
    }

    [Fact]
    public async Task Start_WithAGpu_SeesThatOneAndTheDriversLibraries()
    {
        using var standIn = StandInGpus.Make();
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, configure: standIn.Configure);
        if (await ((GVisorSandboxFactory)worker.Factory).FindGpuObstacleAsync(StandInGpus.DriverVersion) is { } obstacle)
        {
            Assert.Skip(obstacle);
        }

        var container = worker.Run("Read", start => start.Gpus.Add(StandInGpus.H100));

        var devices = (await ReadAsync(container, "/dev")).Split('\n');
        Assert.Contains("/dev/nvidia0", devices);
        Assert.Contains("/dev/nvidiactl", devices);
        Assert.DoesNotContain("/dev/nvidia1", devices);
        Assert.Contains($"NVIDIA_VISIBLE_DEVICES={StandInGpus.H100}\0", await ReadAsync(container, "/proc/self/environ"), StringComparison.Ordinal);
        Assert.Equal("stand-in for libcuda", await ReadAsync(container, "/modal/gpu/libcuda.so.1"));
        Assert.DoesNotContain("nvidia", await ReadAsync(worker.Run("Read"), "/dev"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WhileAnotherHasTheGpu_WaitsForItsEnd()
    {
        using var standIn = StandInGpus.Make();
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process, configure: standIn.Configure);
        var first = worker.Run("Read", start => start.Gpus.Add(StandInGpus.A100));
        Assert.Contains($"CUDA_VISIBLE_DEVICES={StandInGpus.A100}\0", await ReadAsync(first, "/proc/self/environ"), StringComparison.Ordinal);

        var second = worker.Run("Square", start => start.Gpus.Add(StandInGpus.A100));
        first.Stop(TimeSpan.Zero);
        await first.Ended;

        Assert.Equal(9, (await second.CallAsync(TestContainer.Arguments(3))).Value.Inline[0]);
        Assert.Contains((await second.ReadyAsync()).Phases, p => p.Name == "gpu");
    }

    [Fact]
    public async Task Start_GpuInUseForTooLongOrNotHere_SaysSo()
    {
        using var standIn = StandInGpus.Make();
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process, configure: standIn.Configure);
        await worker.Run("Square", start => start.Gpus.Add(StandInGpus.H100)).ReadyAsync();

        var waiting = worker.Run("Square", start =>
        {
            start.Function.StartupTimeoutMs = 300;
            start.Gpus.Add(StandInGpus.H100);
        });
        var absent = worker.Run("Square", start => start.Gpus.Add("GPU-9"));

        Assert.Contains("its GPUs were in use for 0.3 s", (await waiting.ExitedAsync()).Failure.Message, StringComparison.Ordinal);
        var failure = (await absent.ExitedAsync()).Failure;
        Assert.Equal(FailureKind.Startup, failure.Kind);
        Assert.Contains("The worker has no working GPU GPU-9. It has H100, A100-40GB.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FindGpuObstacle_DriverThatRunscDoesNotKnow_NamesThoseThatItDoes()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);

        var obstacle = await ((GVisorSandboxFactory)worker.Factory).FindGpuObstacleAsync("1.2.3");

        Assert.NotNull(obstacle);
        Assert.Contains("1.2.3", obstacle, StringComparison.Ordinal);
    }

    private static async Task<string> ReadAsync(TestContainer container, string path)
    {
        var result = await container.CallAsync(TestContainer.Arguments(path));
        return new PayloadReader(result.Value.Inline.Span).ReadRequiredString();
    }
}
