using Modal.Backend.Worker.Sandboxes;
using Xunit;

namespace Modal.Backend.Worker.Tests;

public sealed class WorkerOptionsTests
{
    [Fact]
    public void Defaults_AreAsDocumented()
    {
        var options = new WorkerOptions();

        Assert.Equal("/var/lib/modal", options.StateDirectory);
        Assert.Null(options.BaseRootDirectory);
        Assert.Equal(SandboxKind.Auto, options.Sandbox);
        Assert.Equal("runsc", options.RunscPath);
        Assert.Equal("systrap", options.Platform);
        Assert.Equal((0, 0, 0), (options.CpuCores, options.MemoryMiB, options.ConcurrentStarts));
        Assert.Equal(TimeSpan.FromSeconds(1), options.CancelGrace);
        Assert.Equal(TimeSpan.FromSeconds(30), options.SilenceLimit);
        Assert.Equal(TimeSpan.FromMilliseconds(200), options.ReconnectDelay);
        Assert.Equal(TimeSpan.FromSeconds(30), options.DrainGrace);
        Assert.Equal(("", "default", 0), (options.Region, options.Pool, options.EphemeralDiskMiB));
        Assert.Equal((null, "libnvidia-ml.so.1", "/dev", null), (options.Gpus, options.NvmlPath, options.GpuDeviceDirectory, options.GpuLibraryDirectory));
        Assert.Equal((TimeSpan.FromMinutes(10), TimeSpan.FromHours(24)), (options.CollectionDelay, options.CollectionInterval));
    }

    [Fact]
    public void Validate_ManyFaults_NamesThemAllWithWhatIsAllowed()
    {
        var options = new WorkerOptions
        {
            StateDirectory = "here",
            RunnerDirectory = "/nonexistent",
            ImageFsDirectory = "/none",
            Platform = "magic",
            SilenceLimit = TimeSpan.FromSeconds(1),
            DrainGrace = TimeSpan.FromHours(2),
            CollectionDelay = TimeSpan.FromSeconds(-1),
            CollectionInterval = TimeSpan.FromDays(15),
            StoreTier = "tape:1",
            Region = "a b",
            Pool = "",
            EphemeralDiskMiB = -1,
            NvmlPath = "",
            GpuDeviceDirectory = "dev",
            GpuLibraryDirectory = "/no",
        };

        var result = new WorkerOptionsValidator().Validate(null, options);

        Assert.Equal(
            [
                "WorkerOptions.StateDirectory is 'here'; it must be an absolute path.",
                "WorkerOptions.RunnerDirectory is '/nonexistent'; it must be the folder of the published runner (set MODAL_RUNNER_DIR).",
                "WorkerOptions.ImageFsDirectory is '/none'; it must be the folder of the published file system of images (set MODAL_IMAGEFS_DIR).",
                "WorkerOptions.Platform is 'magic'; it must be systrap, kvm or ptrace.",
                "WorkerOptions.SilenceLimit is '00:00:01'; it must be at least 10 s.",
                "WorkerOptions.DrainGrace is '02:00:00'; it must be from zero to 1 h.",
                "WorkerOptions.CollectionDelay is '-00:00:01'; it must be zero or more.",
                "WorkerOptions.CollectionInterval is '15.00:00:00'; it must be from 1 h to 14 days, or zero or null for never.",
                "WorkerOptions.Region is 'a b'; it must be up to 64 letters, digits, dots, dashes and underscores, or empty.",
                "WorkerOptions.Pool is ''; it must be 1 to 64 letters, digits, dots, dashes and underscores.",
                "WorkerOptions.EphemeralDiskMiB is '-1'; it must be 0 or more.",
                "WorkerOptions.NvmlPath is ''; it must be a path or a library's name.",
                "WorkerOptions.GpuDeviceDirectory is 'dev'; it must be an absolute path.",
                "WorkerOptions.GpuLibraryDirectory is '/no'; it must be an existing folder.",
                "The store is 'tape:1': it must be folder:/path, s3:bucket/prefix?endpoint=…&region=… or peer:http://host:port.",
            ],
            result.Failures);
    }
}
