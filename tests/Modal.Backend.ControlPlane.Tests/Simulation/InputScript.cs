using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>What an input does.</summary>
/// <param name="ServiceMs">How long it runs.</param>
/// <param name="Failures">How many of its attempts fail before one succeeds.</param>
/// <param name="Kind">How they fail.</param>
/// <param name="Yields">Elements before its end.</param>
internal sealed record InputScript(int ServiceMs, int Failures, FailureKind Kind, int Yields);
