namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What a container takes from its worker.</summary>
/// <param name="CpuCores">More than zero.</param>
/// <param name="MemoryMiB">More than zero.</param>
/// <param name="Gpu">As in <c>"A100:2"</c>; empty for none.</param>
[GenerateSerializer, Immutable]
internal sealed record ResourceNeed([property: Id(0)] double CpuCores, [property: Id(1)] long MemoryMiB, [property: Id(2)] string Gpu);
