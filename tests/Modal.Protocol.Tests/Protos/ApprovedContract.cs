using System.Reflection;
using System.Runtime.CompilerServices;
using Google.Protobuf.Reflection;

namespace Modal.Protocol.Tests.Protos;

/// <summary>Every service, method, message, field and value of the protocol as lines of text.</summary>
internal static class ApprovedContract
{
    // Found, not listed: the lines of a file added later are new ones that ask for approval.
    public static IReadOnlyList<FileDescriptor> Files { get; } =
        [.. typeof(CommonReflection).Assembly.GetExportedTypes()
            .Select(t => t.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static))
            .Where(p => p?.PropertyType == typeof(FileDescriptor))
            .Select(p => (FileDescriptor)p!.GetValue(null)!)];

    public static string FilePath([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Protocol.approved.txt");

    public static IReadOnlyList<string> Lines() =>
        [.. Files.SelectMany(f => f.Services.SelectMany(Services).Concat(f.MessageTypes.SelectMany(Messages)).Concat(f.EnumTypes.SelectMany(Values))).Order(StringComparer.Ordinal)];

    /// <summary>What to tell whoever changed the protocol, or null if it is as approved.</summary>
    public static string? Difference(IReadOnlyCollection<string> approved, IReadOnlyCollection<string> actual)
    {
        string[] gone = [.. approved.Except(actual)];
        string[] added = [.. actual.Except(approved)];
        return gone.Length == 0 && added.Length == 0 ? null : string.Join(
            Environment.NewLine,
            [
                .. gone.Length == 0 ? (IEnumerable<string>)[] :
                    ["Gone or changed, and peers that are running still use it. Bring it back; a new meaning takes a new name and number:", .. gone.Select(l => "- " + l)],
                .. added.Length == 0 ? (IEnumerable<string>)[] :
                    ["New; to accept it run this test with UPDATE_SNAPSHOTS=1 and commit Protocol.approved.txt:", .. added.Select(l => "+ " + l)],
            ]);
    }

    private static IEnumerable<string> Services(ServiceDescriptor service) => service.Methods
        .Select(m =>
            $"rpc {service.FullName}.{m.Name}({(m.IsClientStreaming ? "stream " : "")}{m.InputType.FullName}) returns ({(m.IsServerStreaming ? "stream " : "")}{m.OutputType.FullName})")
        .Append($"service {service.FullName}");

    private static IEnumerable<string> Messages(MessageDescriptor message) => message.Fields.InDeclarationOrder()
        .Select(f => $"field {message.FullName}.{f.Name} = {f.FieldNumber} {Type(f)}{(f.ContainingOneof is { } one ? $" oneof {one.Name}" : "")}")
        .Append($"message {message.FullName}")
        .Concat(message.NestedTypes.Where(n => !message.Fields.InDeclarationOrder().Any(f => f.IsMap && f.MessageType == n)).SelectMany(Messages))
        .Concat(message.EnumTypes.SelectMany(Values));

    private static IEnumerable<string> Values(EnumDescriptor e) => e.Values.Select(v => $"value {e.FullName}.{v.Name} = {v.Number}").Append($"enum {e.FullName}");

    private static string Type(FieldDescriptor field) =>
        field.IsMap ? $"map<{Name(field.MessageType.FindFieldByNumber(1))}, {Name(field.MessageType.FindFieldByNumber(2))}>"
        : field.IsRepeated ? "repeated " + Name(field)
        : Name(field);

    private static string Name(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        var type => type.ToString().ToLowerInvariant(),
    };
}
