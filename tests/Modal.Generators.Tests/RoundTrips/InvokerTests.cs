using Modal.Generators.Tests.Fixtures;
using Modal.Generators.Tests.Harness;
using Modal.Runtime;
using Modal.Serialization;
using static Modal.Generators.Tests.Fixtures.Kinds.Remote;

namespace Modal.Generators.Tests.RoundTrips;

/// <summary>Invokers of every kind of method, and registration.</summary>
public sealed class InvokerTests
{
    [Fact]
    public void Invoke_EveryReturnKind_GivesTheResult()
    {
        Assert.Equal(2, Remotely.Call(Sync, 1));
        Assert.Equal(2, Remotely.Call(Later, 1));
        Assert.Equal(2, Remotely.Call(Already, 1));
        Assert.Equal(2, Remotely.Call(ValueLater, 1));
        Remotely.Call(Nothing, "nothing");
        Remotely.Call(OnlyTask, "task");
        Remotely.Call(OnlyValueTask, "value task");
        Assert.Equal(["nothing", "task", "value task"], Kinds.Calls);
    }

    [Fact]
    public void Invoke_Stream_YieldsEachElement()
    {
        var context = Remotely.Invoke(Count.Name, Remotely.Encode(Count, 3));

        Assert.Equal([[0], [1], [2]], context.Yields);
    }

    [Fact]
    public void Invoke_CancelledStream_Ends()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() => Remotely.Run(Count.Name, Remotely.Encode(Count, 3), null, cancelled.Token));
    }

    [Fact]
    public void Invoke_TokenParameter_IsFilledAndNotSent()
    {
        using var source = new CancellationTokenSource();
        var arguments = Remotely.Encode(Token, (5, 5));

        var context = Remotely.Run(Token.Name, arguments, null, source.Token);

        Assert.Equal([0x92, 5, 5], arguments);
        Assert.Equal([0xc3], context.Written);
    }

    [Theory]
    [InlineData(new byte[] { 0x91, 0xa1, 0x61 }, "a 2 three")]
    [InlineData(new byte[] { 0x92, 0xa1, 0x61, 9 }, "a 9 three")]
    [InlineData(new byte[] { 0x93, 0xa1, 0x61, 9, 0xa1, 0x7a }, "a 9 z")]
    public void Invoke_FewerArguments_TakesDefaults(byte[] arguments, string expected) =>
        Assert.Equal(expected, Remotely.Decode(Defaults, Remotely.Invoke(Defaults.Name, arguments).Written));

    [Theory]
    [InlineData(new byte[] { 0x90 })]
    [InlineData(new byte[] { 0x94, 0xa1, 0x61, 9, 0xa1, 0x7a, 1 })]
    [InlineData(new byte[] { 0x91, 5 })]
    [InlineData(new byte[] { 0x91, 0xa1, 0x61, 7 })]
    [InlineData(new byte[] { })]
    public void Invoke_WrongArguments_ThrowsPayloadException(byte[] arguments) =>
        Assert.Throws<PayloadException>(() => Remotely.Invoke(Defaults.Name, arguments));

    [Fact]
    public void Invoke_MethodThrows_ThrowsItsException()
    {
        Assert.Equal("on purpose 1", Assert.Throws<InvalidOperationException>(() => Remotely.Call(Throws, 1)).Message);
        Assert.Equal("later 1", Assert.Throws<InvalidOperationException>(() => Remotely.Call(ThrowsLater, 1)).Message);
    }

    [Fact]
    public void Invoke_ObjectWithUnknownAndMissingMembers_SkipsAndDefaults()
    {
        // {"New": [1], "Text": "x"}: what a newer caller may send.
        byte[] arguments = [0x91, 0x82, 0xa3, (byte)'N', (byte)'e', (byte)'w', 0x91, 1, 0xa4, (byte)'T', (byte)'e', (byte)'x', (byte)'t', 0xa1, (byte)'x'];

        var result = Remotely.Decode(Echo.Remote.Settable, Remotely.Invoke(Echo.Remote.Settable.Name, arguments).Written)!;

        Assert.Equal(("x", 7), (result.Text, result.Number));
        Assert.Equal([1], result.Items);
    }

    [Fact]
    public void Invoke_RecordWithoutItsMembers_TakesTheConstructorsDefaults() => Assert.Equal(
        new WithDefaults(), Remotely.Decode(Echo.Remote.WithDefaults, Remotely.Invoke(Echo.Remote.WithDefaults.Name, [0x91, 0x80]).Written));

    [Fact]
    public void Encode_Cycle_ThrowsPayloadException()
    {
        var children = new List<Node>();
        children.Add(new Node(1, null, children));

        Assert.Throws<PayloadException>(() => Remotely.Encode(Echo.Remote.Recursive, children[0]));
    }

    [Fact]
    public void Decode_NullKey_ThrowsPayloadException() =>
        Assert.Throws<PayloadException>(() => Remotely.Invoke(Echo.Remote.Dictionary.Name, [0x91, 0x81, 0xc0, 1]));

    [Fact]
    public void Decode_MutatedBytes_ThrowsNothingButPayloadException()
    {
        var valid = Remotely.Encode(Echo.Remote.Recursive, new Node(1, new Node(2, null, []), [new Node(3, null, null)]));
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (byte[])valid.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                Remotely.Invoke(Echo.Remote.Recursive.Name, bytes);
            }
            catch (PayloadException)
            {
            }
        }
    }

    [Fact]
    public void Register_Function_HoldsWhatTheAttributeSays()
    {
        var definition = FunctionRegistry.FindFunction("Modal.Generators.Tests.Fixtures.Kinds.Sync")!;

        Assert.Equal("Modal.Generators.Tests", definition.Assembly);
        Assert.Equal(new FunctionOptions { Cpu = 0.5, Retries = 2, BlockNetwork = true }, definition.Options);
        Assert.IsType<Image>(definition.Image!());
        Assert.False(definition.IsStreaming);
        Assert.True(FunctionRegistry.FindFunction(Count.Name)!.IsStreaming);
    }

    [Fact]
    public void Local_StaticFunction_CallsTheMethod()
    {
        Assert.Equal(2, Sync.Local(1));
        Assert.Equal(6, Sum.Local(1, 2, 3));
        Assert.Equal("a 2 three", Defaults.Local("a"));
    }

    [Fact]
    public async Task LocalAsync_Service_EntersOnceAndExitsAtDispose()
    {
        var instance = Counting.Remote.Create("c", start: 1);
        Assert.Equal("c 2", await instance.Next.LocalAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("c 3", await instance.NextLater.LocalAsync(TestContext.Current.CancellationToken));
        var some = new List<string>();
        await foreach (var item in instance.Some.LocalAsync(2, TestContext.Current.CancellationToken))
        {
            some.Add(item);
        }

        var made = Counting.Last!;
        Assert.Equal(["c 0", "c 1"], some);
        // Snapshot methods first, as in a container; the overridden base method runs the override once.
        Assert.Equal(["load", "base enter", "override"], made.Log);
        await instance.DisposeAsync();
        Assert.Equal(["load", "base enter", "override", "close", "base exit", "dispose"], made.Log);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => instance.Next.LocalAsync(cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Create_ServiceFromOlderCaller_TakesDefaults()
    {
        var service = FunctionRegistry.FindService("Modal.Generators.Tests.Fixtures.Counting")!;

        var instance = service.Create(new byte[] { 0x91, 0xa1, (byte)'n' });
        var context = Remotely.Invoke("Modal.Generators.Tests.Fixtures.Counting.Next", [0x90], instance);

        Assert.Equal("n 11", Remotely.Decode(Counting.Remote.Create("n").Next, context.Written));
        Assert.Equal(["Next", "NextLater", "Some"], service.Functions.Select(f => f.Name.Split('.')[^1]));
        Assert.Equal(1, service.Options.MaxContainers);
        Assert.Throws<PayloadException>(() => service.Create(new byte[] { 0x90 }));
    }
}
