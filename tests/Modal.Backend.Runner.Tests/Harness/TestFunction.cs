using Google.Protobuf;
using Modal.Backend.Runner.Loading;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner.Tests.Harness;

/// <summary>Functions and inputs made in a test.</summary>
internal static class TestFunction
{
    public static LoadedFunction Of(FunctionInvoker invoke, bool streaming = false) =>
        new([new FunctionDefinition { Name = "Test.F", Assembly = "Test", Invoke = invoke, IsStreaming = streaming }], null, null);

    public static RunnerInput Input(ulong id, params byte[] arguments) => new() { Id = id, Arguments = ByteString.CopyFrom(arguments) };

    /// <summary>Inputs of one batch, numbered from <paramref name="first"/>, each with one byte.</summary>
    public static RunnerInput[] Batch(ulong batch, ulong first, params byte[] arguments) =>
        [.. arguments.Select((a, i) => new RunnerInput { Id = first + (ulong)i, Arguments = ByteString.CopyFrom(a), Batch = batch })];

    public static void Write(this InvocationContext context, params ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(context.Output, bytes);
}
