using System.Runtime.CompilerServices;
using Modal.Runtime;
using Modal.Serialization;

namespace Modal.Backend.Worker.TestCode;

/// <summary>Registers by hand what the generator would: the worker's tests then depend on the runner's contract only.</summary>
internal static class Registration
{
    [ModuleInitializer]
    internal static void Register()
    {
        Add("Square", (ref PayloadReader r) => r.ReadInt64(), x => checked(x * x), (ref PayloadWriter w, long y) => w.Write(y));
        Add("Print", (ref PayloadReader r) => r.ReadRequiredString(), Functions.Print, WriteString);
        Add("Throw", (ref PayloadReader r) => r.ReadRequiredString(), Functions.Throw, WriteString);
        Add("Exit", (ref PayloadReader r) => r.ReadInt32(), Functions.Exit, WriteInt);
        Add("NativeExit", (ref PayloadReader r) => r.ReadInt32(), Functions.NativeExit, WriteInt);
        Add("FailFast", (ref PayloadReader r) => r.ReadRequiredString(), Functions.FailFast, WriteString);
        Add("Overflow", (ref PayloadReader r) => r.ReadInt32(), Functions.Overflow, WriteInt);
        Add("AllocateNative", (ref PayloadReader r) => r.ReadInt32(), Functions.AllocateNative, WriteInt);
        Add("AllocateManaged", (ref PayloadReader r) => r.ReadInt32(), Functions.AllocateManaged, WriteInt);
        Add("PrintMuch", (ref PayloadReader r) => r.ReadInt32(), Functions.PrintMuch, WriteInt);
        Add("Fill", (ref PayloadReader r) => r.ReadInt32(), Functions.Fill, WriteInt);
        Add("Spin", (ref PayloadReader r) => r.ReadInt32(), Functions.Spin, WriteInt);
        Add("Fork", (ref PayloadReader r) => r.ReadInt32(), Functions.Fork, WriteInt);
        Add("Sleep", (ref PayloadReader r) => r.ReadInt32(), Functions.Sleep, WriteInt);
        Add("Read", (ref PayloadReader r) => r.ReadRequiredString(), Functions.Read, WriteString);
        Add("Variable", (ref PayloadReader r) => r.ReadRequiredString(), name => Environment.GetEnvironmentVariable(name) ?? "", WriteString);
        Add("Connect", (ref PayloadReader r) => r.ReadInt32(), Functions.Connect, WriteString);
        Add("Big", (ref PayloadReader r) => r.ReadInt32(), size => new byte[size], (ref PayloadWriter w, byte[] y) => w.WriteBytes(y));
        Add("Forge", (ref PayloadReader r) => r.ReadRequiredString(), Tunnels.Forge, WriteInt);
        FunctionRegistry.Register(new FunctionDefinition { Name = "Test.Echo", Assembly = ThisAssembly, Invoke = EchoAsync });
        FunctionRegistry.Register(new FunctionDefinition { Name = "Test.SleepAsync", Assembly = ThisAssembly, Invoke = SleepAsync });
        FunctionRegistry.Register(new FunctionDefinition { Name = "Test.Stream", Assembly = ThisAssembly, Invoke = StreamAsync, IsStreaming = true });
        RegisterFrozen();
        FunctionRegistry.Register(new FunctionDefinition { Name = "Test.Batch", Assembly = ThisAssembly, Invoke = BatchAsync, BatchMaxSize = 10 });
        FunctionRegistry.Register(new ServiceDefinition
        {
            Name = "Test.Counter",
            Assembly = ThisAssembly,
            Create = arguments =>
            {
                var reader = new PayloadReader(arguments.Span);
                reader.ReadArrayHeader(1);
                return new Counter(reader.ReadInt64());
            },
            Enter = [new LifecycleHook("Enter", (o, _) => ((Counter)o).EnterAsync())],
            Exit = [new LifecycleHook("Exit", (o, _) => Counter.ExitAsync())],
            Functions =
            [
                new FunctionDefinition
                {
                    Name = "Test.Counter.Add",
                    Assembly = ThisAssembly,
                    Invoke = context =>
                    {
                        var writer = new PayloadWriter(context.Output);
                        writer.Write(((Counter)context.Instance!).Add());
                        writer.Flush();
                        return ValueTask.CompletedTask;
                    },
                },
            ],
        });
    }

    private static void RegisterFrozen() => FunctionRegistry.Register(new ServiceDefinition
    {
        Name = "Test.Frozen",
        Assembly = ThisAssembly,
        Create = arguments =>
        {
            var reader = new PayloadReader(arguments.Span);
            reader.ReadArrayHeader(1);
            return new Frozen(reader.ReadInt64());
        },
        Enter =
        [
            new LifecycleHook("Load", (o, _) => ((Frozen)o).LoadAsync(), Snapshot: true),
            new LifecycleHook(
                "Refresh",
                (o, _) =>
                {
                    ((Frozen)o).Refresh();
                    return ValueTask.CompletedTask;
                }),
        ],
        Functions =
        [
            new FunctionDefinition
            {
                Name = "Test.Frozen.Describe",
                Assembly = ThisAssembly,
                Invoke = async context =>
                {
                    var text = await ((Frozen)context.Instance!).DescribeAsync();
                    WriteText(context, text);
                },
            },
        ],
    });

    private static void WriteText(InvocationContext context, string text)
    {
        var writer = new PayloadWriter(context.Output);
        writer.Write(text);
        writer.Flush();
    }

    private const string ThisAssembly = "Modal.Backend.Worker.TestCode";

    private delegate T Reads<T>(ref PayloadReader reader);

    private delegate void Writes<T>(ref PayloadWriter writer, T value);

    private static void WriteString(ref PayloadWriter writer, string value) => writer.Write(value);

    private static void WriteInt(ref PayloadWriter writer, int value) => writer.Write((long)value);

    private static void Add<TArg, TResult>(string name, Reads<TArg> read, Func<TArg, TResult> body, Writes<TResult> write) =>
        FunctionRegistry.Register(new FunctionDefinition
        {
            Name = "Test." + name,
            Assembly = ThisAssembly,
            Invoke = context =>
            {
                var reader = new PayloadReader(context.Arguments.Span);
                reader.ReadArrayHeader(1);
                var result = body(read(ref reader));
                var writer = new PayloadWriter(context.Output);
                write(ref writer, result);
                writer.Flush();
                return ValueTask.CompletedTask;
            },
        });

    private static int ReadInt(InvocationContext context)
    {
        var reader = new PayloadReader(context.Arguments.Span);
        reader.ReadArrayHeader(1);
        return reader.ReadInt32();
    }

    private static async ValueTask EchoAsync(InvocationContext context) => WriteText(context, await Tunnels.EchoAsync(ReadInt(context)));

    private static async ValueTask SleepAsync(InvocationContext context)
    {
        Console.WriteLine("sleeping");
        await Task.Delay(ReadInt(context), context.CancellationToken);
    }

    // Waits as long as the longest of its inputs says, in milliseconds; each result is how many there were.
    private static async ValueTask BatchAsync(InvocationContext context)
    {
        var waits = context.Batch.Select(arguments =>
        {
            var reader = new PayloadReader(arguments.Span);
            reader.ReadArrayHeader(1);
            return reader.ReadInt32();
        }).ToArray();
        Console.WriteLine("batch");
        await Task.Delay(waits.Max(), context.CancellationToken);
        foreach (var _ in waits)
        {
            WriteElement(context, waits.Length);
            context.EndResult();
        }
    }

    private static async ValueTask StreamAsync(InvocationContext context)
    {
        var count = ReadInt(context);
        for (var i = 0; i < count; i++)
        {
            WriteElement(context, i);
            await context.YieldAsync();
        }
    }

    private static void WriteElement(InvocationContext context, int value)
    {
        var writer = new PayloadWriter(context.Output);
        writer.Write((long)value);
        writer.Flush();
    }
}
