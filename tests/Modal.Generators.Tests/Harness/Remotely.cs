using System.Buffers;
using System.Reflection;
using Modal.Runtime;
using Modal.Serialization;

namespace Modal.Generators.Tests.Harness;

/// <summary>Runs a handle's function as a container would: encode, invoke through the registry, decode. No server.</summary>
internal static class Remotely
{
    public static TResult Call<TArgument, TResult>(Function<TArgument, TResult> handle, TArgument argument)
    {
        var context = Invoke(handle.Name, Encode(handle, argument));
        return typeof(TResult) == typeof(Unit) && context.Written.Length == 0 ? default! : Decode(handle, context.Written);
    }

    public static byte[] Encode<TArgument, TResult>(Function<TArgument, TResult> handle, TArgument argument) =>
        PayloadCodec.Encode(Part<PayloadEncoder<TArgument>>(handle, "WriteArgument"), argument);

    public static byte[] Encode<TArgument, TResult>(StreamFunction<TArgument, TResult> handle, TArgument argument) =>
        PayloadCodec.Encode(Part<PayloadEncoder<TArgument>>(handle, "WriteArgument"), argument);

    public static TResult Decode<TArgument, TResult>(Function<TArgument, TResult> handle, byte[] bytes)
    {
        var reader = new PayloadReader(bytes);
        var result = Part<PayloadDecoder<TResult>>(handle, "ReadResult")(ref reader);
        Assert.True(reader.End, "Bytes follow the result.");
        return result;
    }

    public static Context Invoke(string name, byte[] arguments, object? instance = null) => Run(name, arguments, instance, CancellationToken.None);

    /// <summary>Runs a batched function once for all arguments, and gives each its result.</summary>
    public static TResult[] CallBatch<TArgument, TResult>(Function<TArgument, TResult> handle, object? instance, params TArgument[] arguments)
    {
        using var source = new CancellationTokenSource();
        var context = new Context([.. arguments.Select(a => (ReadOnlyMemory<byte>)Encode(handle, a))], instance, source.Token);
        Find(handle.Name).Invoke(context).AsTask().GetAwaiter().GetResult();
        return [.. context.Results.Select(r => Decode(handle, r))];
    }

    public static FunctionDefinition Find(string name) => FunctionRegistry.FindFunction(name) ?? FunctionRegistry.Services.SelectMany(s => s.Functions).Single(f => f.Name == name);

    public static Context Run(string name, byte[] arguments, object? instance, CancellationToken token)
    {
        var context = new Context(arguments, instance, token);
        Find(name).Invoke(context).AsTask().GetAwaiter().GetResult();
        return context;
    }

    // The codecs are private to the handle, which gives them to the SDK.
    private static T Part<T>(object handle, string name)
        where T : Delegate => handle.GetType().GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!.CreateDelegate<T>();

    internal sealed class Context : InvocationContext
    {
        private readonly ArrayBufferWriter<byte> _output = new();

        public Context(byte[] arguments, object? instance, CancellationToken token)
            : this([(ReadOnlyMemory<byte>)arguments], instance, token)
        {
        }

        public Context(IReadOnlyList<ReadOnlyMemory<byte>> batch, object? instance, CancellationToken token)
        {
            Arguments = batch[0];
            Batch = batch;
            Instance = instance;
            CancellationToken = token;
        }

        public override ReadOnlyMemory<byte> Arguments { get; }

        public override IReadOnlyList<ReadOnlyMemory<byte>> Batch { get; }

        public List<byte[]> Results { get; } = [];

        public override void EndResult()
        {
            Results.Add(Written);
            _output.ResetWrittenCount();
        }

        public override IBufferWriter<byte> Output => _output;

        public override CancellationToken CancellationToken { get; }

        public byte[] Written => _output.WrittenSpan.ToArray();

        public List<byte[]> Yields { get; } = [];

        public override ValueTask YieldAsync()
        {
            Yields.Add(Written);
            _output.ResetWrittenCount();
            return ValueTask.CompletedTask;
        }
    }
}
