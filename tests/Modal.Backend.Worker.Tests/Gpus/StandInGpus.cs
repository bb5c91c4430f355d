using System.Diagnostics;
using Modal.Backend.Worker.Native;
using Xunit;

namespace Modal.Backend.Worker.Tests.Gpus;

/// <summary>
/// Stands in for NVIDIA's driver: a library with NVML's interface, compiled here, device nodes made here, and files in place of the driver's libraries. It shows an H100, an A100 without a utilization counter, and a
/// third GPU that fails. Nothing can be computed on them.
/// </summary>
internal sealed class StandInGpus : IDisposable
{
    public const string H100 = "GPU-00000000-0000-0000-0000-0000000000a0";
    public const string A100 = "GPU-00000000-0000-0000-0000-0000000000a1";
    public const string DriverVersion = "550.90.07";

    private const string Source = """
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        typedef struct { unsigned long long total, free, used; } memory_t;
        typedef struct { unsigned int gpu, memory; } utilization_t;
        static const char *names[] = { "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB", "NVIDIA L4" };
        static int index_of(void *device) { return (int)((char *)device - (char *)names) / 8; }
        static int lost(void *device) { return index_of(device) == 1 && access(FOLDER "/lost", F_OK) == 0 ? 15 : 0; }
        int nvmlInit_v2(void) { return access(FOLDER "/no-driver", F_OK) == 0 ? 9 : 0; }
        int nvmlShutdown(void) { return 0; }
        const char *nvmlErrorString(int result) { return result == 9 ? "Driver Not Loaded" : result == 15 ? "GPU is lost" : "Unknown Error"; }
        int nvmlSystemGetDriverVersion(char *text, unsigned int size) { snprintf(text, size, "%s", DRIVER); return 0; }
        int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 3; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned int i, void **device) { if (i == 2) return 999; *device = (char *)names + 8 * i; return 0; }
        int nvmlDeviceGetUUID(void *device, char *text, unsigned int size) { snprintf(text, size, "GPU-00000000-0000-0000-0000-0000000000a%d", index_of(device)); return 0; }
        int nvmlDeviceGetName(void *device, char *text, unsigned int size) { snprintf(text, size, "%s", names[index_of(device)]); return 0; }
        int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
            int result = lost(device);
            if (result) return result;
            unsigned long long total = (index_of(device) == 0 ? 81559ULL : 40960ULL) << 20;
            memory_t filled = { total, total - (1234ULL << 20), 1234ULL << 20 };
            *memory = filled;
            return 0;
        }
        int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) { if (index_of(device) == 1) return 3; rates->gpu = 87; rates->memory = 12; return 0; }
        int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees) { if (sensor != 0) return 2; *degrees = 61; return 0; }
        int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) { *milliwatts = 412345; return 0; }
        int nvmlDeviceGetMinorNumber(void *device, unsigned int *minor) { *minor = index_of(device); return 0; }
        """;

    private StandInGpus() => Folder = Directory.CreateTempSubdirectory("modal-gpu-test-").FullName;

    public string Folder { get; }

    public string Nvml => Path.Combine(Folder, "stand-in-nvml.so");

    public string Devices => Path.Combine(Folder, "dev");

    public string Libraries => Path.Combine(Folder, "lib");

    /// <summary>Compiles it, or skips the test where that cannot be.</summary>
    public static StandInGpus Make()
    {
        const string Compiler = "/usr/bin/cc";
        Assert.SkipUnless(File.Exists(Compiler), "There is no C compiler; install gcc.");
        Assert.SkipUnless(Unistd.IsRoot, "Device nodes can only be made by root.");
        var gpus = new StandInGpus();
        Directory.CreateDirectory(gpus.Devices);
        Directory.CreateDirectory(gpus.Libraries);
        var source = Path.Combine(gpus.Folder, "nvml.c");
        File.WriteAllText(source, Source);
        Run(Compiler, "-shared", "-fPIC", "-o", gpus.Nvml, $"-DFOLDER=\"{gpus.Folder}\"", $"-DDRIVER=\"{DriverVersion}\"", source);
        foreach (var (name, minor) in new[] { ("nvidiactl", 255), ("nvidia0", 0), ("nvidia1", 1) })
        {
            Run("mknod", Path.Combine(gpus.Devices, name), "c", "195", $"{minor}");
        }

        Run("mknod", Path.Combine(gpus.Devices, "nvidia-uvm"), "c", "511", "0");
        File.WriteAllText(Path.Combine(gpus.Libraries, $"libcuda.so.{DriverVersion}"), "stand-in for libcuda");
        File.CreateSymbolicLink(Path.Combine(gpus.Libraries, "libcuda.so.1"), $"libcuda.so.{DriverVersion}");
        return gpus;
    }

    public void Configure(WorkerOptions options) => (options.Gpus, options.NvmlPath, options.GpuDeviceDirectory, options.GpuLibraryDirectory) = (null, Nvml, Devices, Libraries);

    /// <summary>The A100 falls off the bus.</summary>
    public void Lose() => File.WriteAllText(Path.Combine(Folder, "lost"), "");

    /// <summary>The driver is not loaded.</summary>
    public void Unload() => File.WriteAllText(Path.Combine(Folder, "no-driver"), "");

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var complaint = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, complaint);
    }
}
