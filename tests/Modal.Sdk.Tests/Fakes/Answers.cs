using System.Buffers;
using Google.Protobuf;
using Modal.Protocol;
using Modal.Serialization;

namespace Modal.Sdk.Tests.Fakes;

internal static class Answers
{
    public static IEnumerable<CallResult> Square(Input input)
    {
        var x = Int(input);
        return [Value(x * x)];
    }

    public static int Int(Input input)
    {
        var reader = new PayloadReader(input.Arguments.Inline.Span);
        reader.ReadArrayHeader(1);
        return reader.ReadInt32();
    }

    public static Payload Encode(int value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new PayloadWriter(buffer);
        writer.Write(value);
        writer.Flush();
        return new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(buffer.WrittenSpan) };
    }

    public static CallResult Value(int value) => new() { Value = Encode(value) };

    public static CallResult Thrown(string type, string message) => new()
    {
        Failure = new Failure
        {
            Kind = FailureKind.UserException,
            Message = message,
            Exception = new RemoteExceptionInfo { Type = type, Message = message, Stack = "   at Jobs.Square(Int32 x) in /src/Jobs.cs:line 12" },
        },
    };
}
