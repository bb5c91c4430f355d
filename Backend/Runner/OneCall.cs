using System.Buffers;
using Modal.Backend.Runner.Failures;
using Modal.Backend.Runner.Loading;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner;

/// <summary>The program in a step of an image's build: runs one function once, without a channel. What it prints goes where any program's output goes, and what it returns is dropped.</summary>
internal static class OneCall
{
    /// <summary>Runs it.</summary>
    /// <param name="path">File with a <see cref="RunnerStart"/> and a <see cref="RunnerInput"/>, each after its length.</param>
    /// <returns>The exit code: 0, or 1 if it could not be loaded or threw, which standard error then tells.</returns>
    public static int Run(string path)
    {
        RunnerStart start;
        RunnerInput input;
        using (var file = File.OpenRead(path))
        {
            (start, input) = (RunnerStart.Parser.ParseDelimitedFrom(file), RunnerInput.Parser.ParseDelimitedFrom(file));
        }

        if (CodeLoader.Load(start, out var failure) is { } function)
        {
            try
            {
                function.Methods[0].Invoke(new Invocation(input.Arguments.Memory)).AsTask().GetAwaiter().GetResult();
                return 0;
            }
#pragma warning disable CA1031 // The edge between user code and the build: whatever it throws makes the step fail.
            catch (Exception e)
            {
                failure = FailureFactory.OfAttempt(e, cancelled: false);
            }
#pragma warning restore CA1031
        }

        Console.Error.WriteLine($"{failure!.Message}\n{failure.Exception?.Stack}".TrimEnd());
        return 1;
    }

    private sealed class Invocation(ReadOnlyMemory<byte> arguments) : InvocationContext
    {
        private readonly ArrayBufferWriter<byte> _output = new();

        public override ReadOnlyMemory<byte> Arguments => arguments;

        public override IBufferWriter<byte> Output => _output;

        public override CancellationToken CancellationToken => CancellationToken.None;

        public override ValueTask YieldAsync()
        {
            _output.ResetWrittenCount();
            return ValueTask.CompletedTask;
        }
    }
}
