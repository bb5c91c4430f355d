using System.Runtime.CompilerServices;
using Google.Protobuf.Reflection;

namespace Modal.Protocol.Tests.Protos;

/// <summary>Every service, method, message, field and value of the protocol as lines of text.</summary>
internal static class ApprovedContract
{
    private static readonly FileDescriptor[] s_files =
        [BlobsReflection.Descriptor, ClientReflection.Descriptor, CommonReflection.Descriptor, RunnerReflection.Descriptor, WorkerReflection.Descriptor];

    public static string FilePath([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Protocol.approved.txt");

    public static IEnumerable<string> Lines() => s_files.SelectMany(Services).Concat(s_files.SelectMany(f => f.MessageTypes.SelectMany(Messages)))
        .Concat(s_files.SelectMany(f => f.EnumTypes.SelectMany(Values))).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Services(FileDescriptor file) => file.Services.SelectMany(s => s.Methods.Select(m =>
        $"rpc {s.FullName}.{m.Name}({(m.IsClientStreaming ? "stream " : "")}{m.InputType.FullName}) returns ({(m.IsServerStreaming ? "stream " : "")}{m.OutputType.FullName})"));

    private static IEnumerable<string> Messages(MessageDescriptor message) =>
        message.Fields.InDeclarationOrder().Select(f =>
                $"field {message.FullName}.{f.Name} = {f.FieldNumber} {(f.IsMap ? "map " : f.IsRepeated ? "repeated " : "")}{Type(f)}{(f.ContainingOneof is { } one ? $" oneof {one.Name}" : "")}")
            .Append($"message {message.FullName}").Concat(message.NestedTypes.Where(n => !n.Name.EndsWith("Entry", StringComparison.Ordinal)).SelectMany(Messages));

    private static IEnumerable<string> Values(EnumDescriptor e) => e.Values.Select(v => $"value {e.FullName}.{v.Name} = {v.Number}");

    private static string Type(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        var type => type.ToString().ToLowerInvariant(),
    };
}
