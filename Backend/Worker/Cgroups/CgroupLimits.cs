namespace Modal.Backend.Worker.Cgroups;

/// <summary>Limits of one container.</summary>
/// <param name="MemoryBytes">Hard limit of memory.</param>
/// <param name="CpuCores">Share of processor time when there is not enough; unused time may be taken.</param>
/// <param name="Processes">Host threads, the sandbox's own included.</param>
internal sealed record CgroupLimits(long MemoryBytes, double CpuCores, int Processes);
