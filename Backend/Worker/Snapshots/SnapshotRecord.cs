using System.Text.Json.Serialization;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>A snapshot in the store: what is stored under <c>build/</c>, where the collection finds what it needs.</summary>
internal sealed record SnapshotRecord
{
    /// <summary>The name of the index that has its files.</summary>
    public required string Index { get; init; }

    /// <summary>The name and length in bytes of its files that are stored in segments.</summary>
    public required IReadOnlyDictionary<string, long> Segmented { get; init; }

    /// <summary>Length of all its files in bytes.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>The function, for people.</summary>
    public required string Function { get; init; }
}

/// <summary>Reads and writes records.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SnapshotRecord))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
