using System.Text.Json.Serialization;
using Modal.Backend.Images.Building;

namespace Modal.Backend.Images.Definitions;

/// <summary>JSON of what is stored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImageConfig))]
[JsonSerializable(typeof(BuildRecord))]
internal sealed partial class ImageJson : JsonSerializerContext;
