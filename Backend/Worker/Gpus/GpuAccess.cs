using Modal.Backend.Worker.Gpus.Native;
using Modal.Backend.Worker.Sandboxes.GVisor;

namespace Modal.Backend.Worker.Gpus;

/// <summary>What a sandbox needs to use GPUs, and these alone.</summary>
/// <param name="DriverVersion">The driver whose calls are passed on.</param>
/// <param name="Devices">Nodes in /dev: those of its GPUs and those that all share.</param>
/// <param name="Libraries">The driver's part that runs in programs: it must be the version of the driver, so no image has it.</param>
/// <param name="Environment">Tells programs which GPUs there are and where the libraries are.</param>
internal sealed record GpuAccess(string DriverVersion, IReadOnlyList<DeviceNode> Devices, IReadOnlyList<BindMount> Libraries, IReadOnlyDictionary<string, string> Environment);
