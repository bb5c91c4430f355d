using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>A call of a static function in a build.</summary>
/// <param name="Code">The user's assemblies.</param>
/// <param name="Function">Its name, as registered.</param>
/// <param name="Assembly">The assembly that registers it.</param>
/// <param name="Arguments">As they travel: a MessagePack array.</param>
public sealed record FunctionCall(CodeVersion Code, string Function, string Assembly, ReadOnlyMemory<byte> Arguments);
