using Modal.Backend.Worker.Sandboxes.GVisor;

namespace Modal.Backend.Worker.Gpus;

/// <summary>The part of NVIDIA's driver that runs in programs.</summary>
internal static class GpuLibraries
{
    /// <summary>Where they are inside.</summary>
    public const string Inside = "/modal/gpu";

    // Where distributions, NVIDIA's installer, its device plugin and WSL put them.
    private static readonly string[] s_folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64", "/home/kubernetes/bin/nvidia/lib64", "/usr/lib/wsl/lib", "/usr/lib"];

    // What compute needs and what the capabilities "compute,utility" stand for with NVIDIA's own container toolkit; newer drivers split off some, older have fewer.
    private static readonly string[] s_names =
    [
        "libcuda.so.1", "libcudadebugger.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4", "libnvidia-nvvm70.so.4", "libnvidia-gpucomp.so",
        "libnvidia-cfg.so.1", "libnvidia-opencl.so.1", "libnvidia-allocator.so.1",
    ];

    /// <summary>Those of this machine.</summary>
    /// <param name="folder">Where to look; null for the usual places.</param>
    public static IReadOnlyList<BindMount> Find(string? folder)
    {
        string[] folders = folder is null ? s_folders : [folder];
        return
        [
            .. s_names
                .Select(name => (Name: name, Path: folders.Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists)))
                .Where(static l => l.Path is not null)
                .Select(static l => new BindMount($"{Inside}/{l.Name}", File.ResolveLinkTarget(l.Path!, returnFinalTarget: true)?.FullName ?? l.Path!)),
        ];
    }
}
