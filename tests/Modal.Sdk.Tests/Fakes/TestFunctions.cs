using System.Runtime.CompilerServices;
using Modal.Runtime;

namespace Modal.Sdk.Tests.Fakes;

/// <summary>Handles written by hand as the generator would.</summary>
internal sealed class IntFunction() : Function<int, int>(
    FunctionTarget.Static("Test.Square"),
    static (ref w, x) =>
    {
        w.WriteArrayHeader(1);
        w.Write(x);
    },
    static (ref r) => r.ReadInt32());

internal sealed class BytesFunction() : Function<byte[], byte[]>(
    FunctionTarget.Static("Test.Bytes"),
    static (ref w, x) =>
    {
        w.WriteArrayHeader(1);
        w.WriteBytes(x);
    },
    static (ref r) => r.ReadBytes().ToArray());

internal sealed class CountFunction() : StreamFunction<int, int>(
    FunctionTarget.Static("Test.Count"),
    static (ref w, x) =>
    {
        w.WriteArrayHeader(1);
        w.Write(x);
    },
    static (ref r) => r.ReadInt32());

internal static class TestFunctions
{
    [ModuleInitializer]
    internal static void Register()
    {
        foreach (var name in (string[])["Test.Square", "Test.Bytes", "Test.Count"])
        {
            FunctionRegistry.Register(new FunctionDefinition
            {
                Name = name,
                Assembly = "Modal.Sdk.Tests",
                IsStreaming = name == "Test.Count",
                Invoke = static _ => throw new InvalidOperationException("The fake server answers by itself."),
            });
        }
    }
}
