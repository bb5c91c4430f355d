using System.Diagnostics;
using Google.Protobuf;
using Modal.Backend.ControlPlane.Functions;
using Modal.Benchmarks.Reporting;
using Modal.Protocol;

namespace Modal.Benchmarks.QueueMemory;

/// <summary>What a million waiting inputs cost the server, their arguments of 16 bytes included; against keeping each as the message it came in.</summary>
internal sealed class QueueMemoryBenchmark : IBenchmark
{
    private const int Inputs = 1_000_000;
    private const int ArgumentBytes = 16;

    // As many as one message of a client carries.
    private const int Batch = 1_000;
    private const double GoalBytes = 300;

    public string Name => "queue-memory";

    public string Description => $"memory of {Inputs} waiting inputs with {ArgumentBytes} bytes of arguments, in one Map and in single calls; against the messages with an entry in a dictionary and a node in a list";

    public Task<Measured> RunAsync()
    {
        var map = Measure("one Map", static i => (1, i), Core());
        var calls = Measure("single calls", static i => (i + 1, 0), Core());
        var peer = Measure("messages", static i => (1, i), Naive());
        return Task.FromResult(new Measured(Name, $"map:{map:0}B,calls:{calls:0}B", $"messages:{peer:0}B", peer / map, $"<{GoalBytes}B", map < GoalBytes && calls < GoalBytes));
    }

    private static Func<IReadOnlyList<Input>, object> Core()
    {
        var core = new FunctionCore(new FunctionSettings(), new IdleActions(), static () => Id.New(Id.Container));
        core.OpenStream("fc-1", 0, 0);
        return batch => core.AddInputs("fc-1", batch, 1) ? core : throw new InvalidOperationException("The inputs were refused.");
    }

    private static Func<IReadOnlyList<Input>, object> Naive()
    {
        var known = new Dictionary<(ulong Call, ulong Index), LinkedListNode<Input>>();
        var queue = new LinkedList<Input>();
        return batch =>
        {
            foreach (var input in batch)
            {
                known.Add((input.Call, input.Index), queue.AddLast(input));
            }

            return known;
        };
    }

    private static double Measure(string what, Func<ulong, (ulong Call, ulong Index)> name, Func<IReadOnlyList<Input>, object> add)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        object owner = add;
        var start = Stopwatch.GetTimestamp();
        for (var done = 0UL; done < Inputs; done += Batch)
        {
            var message = new PutInputs();
            for (var i = done; i < done + Batch; i++)
            {
                var (call, index) = name(i);
                message.Inputs.Add(new Input
                {
                    Call = call,
                    Index = index,
                    Arguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(new byte[ArgumentBytes]), SizeBytes = ArgumentBytes },
                });
            }

            // Through the wire, so that the arguments are as a client's are.
            owner = add(PutInputs.Parser.ParseFrom(message.ToByteArray()).Inputs);
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)Inputs;
        GC.KeepAlive(owner);
        Console.WriteLine($"{what}: {bytes:0.0} B each, {seconds * 1e6 / Inputs:0.00} us each to make, parse and queue");
        return bytes;
    }
}
