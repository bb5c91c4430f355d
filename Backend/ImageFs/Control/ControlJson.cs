using System.Text.Json.Serialization;

namespace Modal.Backend.ImageFs.Control;

/// <summary>JSON of the control messages, made at compile time: a server starts in less time than reflection needs.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
