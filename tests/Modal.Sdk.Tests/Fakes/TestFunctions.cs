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

internal sealed class ClusteredFunction() : Function<int, int>(
    FunctionTarget.Static("Test.Clustered"),
    static (ref w, x) =>
    {
        w.WriteArrayHeader(1);
        w.Write(x);
    },
    static (ref r) => r.ReadInt32());

internal sealed class NextFunction(ServiceInstance instance) : Function<int, int>(
    FunctionTarget.Method(instance, "Test.Counter.Next"),
    static (ref w, x) =>
    {
        w.WriteArrayHeader(1);
        w.Write(x);
    },
    static (ref r) => r.ReadInt32());

/// <summary>An instance of a service without constructor arguments.</summary>
internal sealed class CounterService : ServiceInstance
{
    public CounterService()
        : base("Test.Counter", new byte[] { 0x90 }) => Next = new NextFunction(this);

    public NextFunction Next { get; }
}

internal static class TestFunctions
{
    [ModuleInitializer]
    internal static void Register()
    {
        foreach (var name in (string[])["Test.Square", "Test.Bytes", "Test.Count", "Test.Clustered"])
        {
            FunctionRegistry.Register(new FunctionDefinition
            {
                Name = name,
                Assembly = "Modal.Sdk.Tests",
                IsStreaming = name == "Test.Count",
                ClusterSize = name == "Test.Clustered" ? 4 : 0,
                Invoke = static _ => throw new InvalidOperationException("The fake server answers by itself."),
            });
        }

        FunctionRegistry.Register(new ServiceDefinition
        {
            Name = "Test.Counter",
            Assembly = "Modal.Sdk.Tests",
            ClusterSize = 2,
            Create = static _ => new object(),
            Functions = [new FunctionDefinition { Name = "Test.Counter.Next", Assembly = "Modal.Sdk.Tests", Invoke = static _ => default }],
        });
    }
}
