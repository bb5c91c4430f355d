using Modal.Backend.Worker.Gpus.Native;

namespace Modal.Backend.Worker.Gpus;

/// <summary>A GPU that containers may have.</summary>
/// <param name="Uuid">As NVML names it.</param>
/// <param name="Model">As functions request it.</param>
/// <param name="Name">As the driver names it.</param>
/// <param name="MemoryMiB">Its memory.</param>
/// <param name="Handle">NVML's handle.</param>
/// <param name="Node">Its device node.</param>
internal sealed record Gpu(string Uuid, string Model, string Name, long MemoryMiB, nint Handle, DeviceNode Node);
