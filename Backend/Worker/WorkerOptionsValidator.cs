using Microsoft.Extensions.Options;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Worker;

/// <summary>Checks <see cref="WorkerOptions"/> and reports all faults at once.</summary>
internal sealed class WorkerOptionsValidator : IValidateOptions<WorkerOptions>
{
    private static readonly string[] s_platforms = ["systrap", "kvm", "ptrace"];

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, WorkerOptions options)
    {
        var faults = new List<string>();
        Require(Path.IsPathFullyQualified(options.StateDirectory), nameof(options.StateDirectory), options.StateDirectory, "an absolute path");
        Require(Directory.Exists(options.RunnerDirectory), nameof(options.RunnerDirectory), options.RunnerDirectory,
            "the folder of the published runner (set MODAL_RUNNER_DIR)");
        Require(Directory.Exists(options.ImageFsDirectory), nameof(options.ImageFsDirectory), options.ImageFsDirectory,
            "the folder of the published file system of images (set MODAL_IMAGEFS_DIR)");
        Require(options.BaseRootDirectory is null || Directory.Exists(options.BaseRootDirectory), nameof(options.BaseRootDirectory), options.BaseRootDirectory, "an existing folder");
        Require(Enum.IsDefined(options.Sandbox), nameof(options.Sandbox), options.Sandbox, "Auto, GVisor or Process");
        Require(Enum.IsDefined(options.Images), nameof(options.Images), options.Images, "Auto, Mount or Unpack");
        Require(options.RunscPath.Length > 0, nameof(options.RunscPath), options.RunscPath, "a path or a program's name");
        Require(s_platforms.Contains(options.Platform), nameof(options.Platform), options.Platform, "systrap, kvm or ptrace");
        Require(options.CpuCores >= 0, nameof(options.CpuCores), options.CpuCores, "0 or more");
        Require(options.MemoryMiB >= 0, nameof(options.MemoryMiB), options.MemoryMiB, "0 or more");
        Require(options.ConcurrentStarts >= 0, nameof(options.ConcurrentStarts), options.ConcurrentStarts, "0 or more");
        Require(options.WaitingRunners is null or (>= 0 and <= 1000), nameof(options.WaitingRunners), options.WaitingRunners, "from 0 to 1,000, or null for two per core");
        Require(options.CancelGrace >= TimeSpan.Zero, nameof(options.CancelGrace), options.CancelGrace, "zero or more");
        Require(options.SilenceLimit >= TimeSpan.FromSeconds(10), nameof(options.SilenceLimit), options.SilenceLimit, "at least 10 s");
        Require(options.ReconnectDelay > TimeSpan.Zero, nameof(options.ReconnectDelay), options.ReconnectDelay, "more than zero");
        Require(options.DrainGrace >= TimeSpan.Zero && options.DrainGrace <= TimeSpan.FromHours(1), nameof(options.DrainGrace), options.DrainGrace, "from zero to 1 h");
        Require(options.CacheBytes >= 64 * 1024 * 1024, nameof(options.CacheBytes), options.CacheBytes, "at least 67108864 (64 MiB)");
        Require(options.SnapshotBytes >= 64 * 1024 * 1024, nameof(options.SnapshotBytes), options.SnapshotBytes, "at least 67108864 (64 MiB)");
        Require(options.CollectionDelay >= TimeSpan.Zero, nameof(options.CollectionDelay), options.CollectionDelay, "zero or more");
        Require(options.CollectionInterval is not { } interval || interval == TimeSpan.Zero || (interval >= TimeSpan.FromHours(1) && interval <= TimeSpan.FromDays(14)),
            nameof(options.CollectionInterval), options.CollectionInterval, "from 1 h to 14 days, or zero or null for never");
        Require(options.Region.Length == 0 || IsName(options.Region), nameof(options.Region), options.Region, "up to 64 letters, digits, dots, dashes and underscores, or empty");
        Require(IsName(options.Pool), nameof(options.Pool), options.Pool, "1 to 64 letters, digits, dots, dashes and underscores");
        Require(options.EphemeralDiskMiB >= 0, nameof(options.EphemeralDiskMiB), options.EphemeralDiskMiB, "0 or more");
        Require(options.NvmlPath.Length > 0, nameof(options.NvmlPath), options.NvmlPath, "a path or a library's name");
        Require(Path.IsPathFullyQualified(options.GpuDeviceDirectory), nameof(options.GpuDeviceDirectory), options.GpuDeviceDirectory, "an absolute path");
        Require(options.GpuLibraryDirectory is null || Directory.Exists(options.GpuLibraryDirectory), nameof(options.GpuLibraryDirectory), options.GpuLibraryDirectory, "an existing folder");
        Require(options.BuildMemoryMiB >= 256, nameof(options.BuildMemoryMiB), options.BuildMemoryMiB, "at least 256");
        RequireStore(options, faults);
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);

        void Require(bool holds, string setting, object? value, string allowed)
        {
            if (!holds)
            {
                faults.Add($"WorkerOptions.{setting} is '{value}'; it must be {allowed}.");
            }
        }
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 64 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');

    private static void RequireStore(WorkerOptions options, List<string> faults)
    {
        if (options.StoreTier is null)
        {
            // In the state directory, which was looked at.
            return;
        }

        try
        {
            (TierAddress.Open(options.StoreAddress) as IDisposable)?.Dispose();
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            faults.Add(e.Message);
        }
    }
}
