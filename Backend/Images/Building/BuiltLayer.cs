namespace Modal.Backend.Images.Building;

/// <summary>What came of building a layer.</summary>
/// <param name="Record">The layer.</param>
/// <param name="IsNew">False if another had just built it.</param>
internal sealed record BuiltLayer(BuildRecord Record, bool IsNew);
