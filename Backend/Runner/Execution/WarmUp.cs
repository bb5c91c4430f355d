using System.Buffers.Binary;
using Google.Protobuf;
using Modal.Backend.Runner.Channel;
using Modal.Backend.Runner.Loading;
using Modal.Backend.Runner.Native;
using Modal.Backend.Runner.Output;
using Modal.Protocol;
using Modal.Runtime;
using Modal.Serialization;

namespace Modal.Backend.Runner.Execution;

/// <summary>
/// Goes the whole way from a start to a result once, over a channel to itself and with code of its own, so that the types are loaded and the code is compiled when the user's comes. Half of a start is that.
/// </summary>
internal static class WarmUp
{
    private const string Name = "Modal.WarmUp";

    /// <summary>Does it.</summary>
    public static void Run()
    {
        var (ours, theirs) = Unistd.SocketPair();
        try
        {
            var reader = new FrameReader(ours);
            var start = new RunnerStart
            {
                ContainerId = Name,
                CodePath = AppContext.BaseDirectory.TrimEnd('/'),
                Function = new FunctionSpec { Name = Name, Assembly = typeof(WarmUp).Assembly.GetName().Name!, Methods = { Name }, Resources = new Resources() },
                Environment = { ["MODAL_WARM_UP"] = "1" },
            };
            Write(theirs, new WorkerFrame { Start = start });

            // Not found, for no assembly registers it: all but that is done.
            CodeLoader.Load(reader.Read()!.Start, out _);
            Environment.SetEnvironmentVariable("MODAL_WARM_UP", null);

            var outgoing = new Outgoing(ours, static () => { });
            var definition = new FunctionDefinition { Name = Name, Assembly = Name, Invoke = Invoke };
            var executor = new Executor(new LoadedFunction([definition], null, null), 1, outgoing);
            var window = new OutputWindow(outgoing, static () => { });
            using (var output = new AttemptWriter(OutputSource.Stdout, window, outgoing, static () => { }))
            {
                output.WriteLine(Name);
            }

            Write(theirs, new WorkerFrame { Inputs = new RunnerInputs { Inputs = { new RunnerInput { Id = 1, Arguments = ByteString.CopyFrom(0x91, 7) } } } });
            executor.Enqueue(reader.Read()!.Inputs.Inputs);
            executor.Drain();
            outgoing.Append(new RunnerFrame { Ready = new RunnerReady { LoadUs = 1, EnterUs = 1 } });
            outgoing.FlushNow();
        }
        finally
        {
            Unistd.Close(ours);
            Unistd.Close(theirs);
        }
    }

    private static ValueTask Invoke(InvocationContext context)
    {
        var reader = new PayloadReader(context.Arguments.Span);
        reader.ReadArrayHeader(1);
        var value = reader.ReadInt32();
        var writer = new PayloadWriter(context.Output);
        writer.Write(value);
        writer.Flush();
        return ValueTask.CompletedTask;
    }

    private static void Write(int channel, WorkerFrame frame)
    {
        var bytes = new byte[sizeof(uint) + frame.CalculateSize()];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(bytes.Length - sizeof(uint)));
        frame.WriteTo(bytes.AsSpan(sizeof(uint)));
        Unistd.WriteAll(channel, bytes);
    }
}
