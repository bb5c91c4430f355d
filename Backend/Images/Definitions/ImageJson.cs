using System.Text.Json.Serialization;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Scanning;

namespace Modal.Backend.Images.Definitions;

/// <summary>JSON of what is stored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImageConfig))]
[JsonSerializable(typeof(BuildRecord))]
[JsonSerializable(typeof(IReadOnlyList<ScanFinding>))]
internal sealed partial class ImageJson : JsonSerializerContext;
