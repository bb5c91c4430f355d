using Modal.Backend.Worker.Gpus;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>What a sandbox is to be.</summary>
/// <param name="Id">The container's id.</param>
/// <param name="CodePath">Folder of the code version on this machine.</param>
/// <param name="CpuCores">Share of processor time when there is not enough.</param>
/// <param name="MemoryMiB">Limit of what the code may use; the sandbox's own needs come on top.</param>
/// <param name="NeedsAspNetCore">The code needs the ASP.NET Core shared framework.</param>
/// <param name="Image">The image; null for the standard base.</param>
/// <param name="EphemeralDiskMiB">Limit of its own disk, /tmp, on this machine's disk; zero for half of the memory, in memory.</param>
/// <param name="Gpu">Its GPUs; null for none.</param>
internal sealed record SandboxSpec(string Id, string CodePath, double CpuCores, long MemoryMiB, bool NeedsAspNetCore, SandboxImage? Image = null, long EphemeralDiskMiB = 0, GpuAccess? Gpu = null);
