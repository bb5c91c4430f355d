using System.Text.Json.Serialization;

namespace Modal.Backend.Images.Dockerfiles;

[JsonSerializable(typeof(string[]))]
internal sealed partial class DockerfileJson : JsonSerializerContext;
