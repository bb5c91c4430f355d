using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.ScenarioApp;

/// <summary>Functions that call functions.</summary>
public static partial class Nested
{
    [Function(MemoryMiB = 192)]
    public static async Task<int> SquareTwice(int x, CancellationToken cancellationToken)
    {
        var y = await Jobs.Remote.Square.CallAsync(x, cancellationToken);
        return await Jobs.Remote.Square.CallAsync(y, cancellationToken);
    }

    /// <summary>Calls itself, both ways at once.</summary>
    [Function(MemoryMiB = 192, MaxConcurrentInputs = 8)]
    public static async Task<long> Fibonacci(int n, CancellationToken cancellationToken)
    {
        if (n < 2)
        {
            return n;
        }

        var both = await Task.WhenAll(Remote.Fibonacci.CallAsync(n - 1, cancellationToken), Remote.Fibonacci.CallAsync(n - 2, cancellationToken));
        return both[0] + both[1];
    }

    /// <summary>Calls itself and blocks, each in a container of its own.</summary>
    [Function(MemoryMiB = 192, MaxContainers = 6)]
    public static int Depth(int n) => n == 0 ? 0 : 1 + Remote.Depth.CallAsync(n - 1).GetAwaiter().GetResult();

    [Function(MemoryMiB = 192, MaxContainers = 2, MaxConcurrentInputs = 4)]
    public static async Task<int> SumOfSquares(int n, CancellationToken cancellationToken) =>
        await Jobs.Remote.Square.Map(Enumerable.Range(0, n), cancellationToken).SumAsync(cancellationToken);

    [Function(MemoryMiB = 192, MaxContainers = 1)]
    public static async Task<int> SumOfSums(int n, CancellationToken cancellationToken) =>
        await Remote.SumOfSquares.Map(Enumerable.Range(0, n), cancellationToken).SumAsync(cancellationToken);

    [Function(MemoryMiB = 192)]
    public static async Task<byte[]> ReverseTwice(byte[] bytes, CancellationToken cancellationToken) =>
        await Jobs.Remote.Reverse.CallAsync(await Jobs.Remote.Reverse.CallAsync(bytes, cancellationToken), cancellationToken);

    [Function(MemoryMiB = 192)]
    public static async Task<int> Talk(int x, CancellationToken cancellationToken)
    {
        Console.WriteLine($"before the call {x}");
        await Jobs.Remote.Talk.CallAsync(x, cancellationToken);
        Console.WriteLine($"after the call {x}");
        return x;
    }

    [Function(MemoryMiB = 192)]
    public static async Task<int> CallSlowly(int x, int milliseconds, CancellationToken cancellationToken) => await Jobs.Remote.SlowSquare.CallAsync(x, milliseconds, cancellationToken);

    [Function(MemoryMiB = 192, RestrictModalAccess = true)]
    public static async Task<int> Restricted(int x, CancellationToken cancellationToken) => await Jobs.Remote.Square.CallAsync(x, cancellationToken);

    /// <summary>Asks for what only a client may ask for.</summary>
    /// <returns>What the server says.</returns>
    [Function(MemoryMiB = 192)]
    public static async Task<string> AskFor(string what, string appId, CancellationToken cancellationToken)
    {
        var connect = ContainerContext.Current!.Connect!;
        using var handler = new SocketsHttpHandler { ConnectCallback = (_, token) => connect(token) };
        using var channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler });
        var client = new ModalClient.ModalClientClient(channel);
        try
        {
            switch (what)
            {
                case "shutdown":
                    return (await client.ShutdownAsync(new ShutdownRequest { Force = true }, cancellationToken: cancellationToken)).ToString();
                case "status":
                    return (await client.GetStatusAsync(new StatusRequest(), cancellationToken: cancellationToken)).ToString();
                case "worker":
                    using (var work = new ModalWorker.ModalWorkerClient(channel).Work(cancellationToken: cancellationToken))
                    {
                        await work.ResponseStream.MoveNext(cancellationToken);
                        return work.ResponseStream.Current.ToString();
                    }

                case "app":
                    return (await client.FindMissingFunctionsAsync(new FindMissingFunctionsRequest { AppId = appId }, cancellationToken: cancellationToken)).ToString();
                default:
                    throw new ArgumentException(what);
            }
        }
        catch (RpcException e)
        {
            return $"{e.StatusCode}: {e.Status.Detail}";
        }
    }

    /// <summary>Calls a function that nobody outside has called, and that has an image.</summary>
    [Function(MemoryMiB = 192)]
    public static async Task<string> CallMade(CancellationToken cancellationToken) => await Imaged.Remote.ReadMade.CallAsync(cancellationToken);

    /// <summary>Calls a service, and takes a stream from it.</summary>
    [Function(MemoryMiB = 192)]
    public static async Task<string> UseService(string name, CancellationToken cancellationToken)
    {
        await using var counter = Counter.Remote.Create(name, start: 3);
        var next = await counter.Next.CallAsync(cancellationToken);
        return $"{next}, {string.Join(", ", await counter.Some.CallAsync(3, cancellationToken).ToListAsync(cancellationToken))}";
    }

    /// <summary>Times calls from inside, the first and the median of the others, in milliseconds.</summary>
    [Function(MemoryMiB = 192, Cpu = 1)]
    public static async Task<double[]> TimeCalls(int count, CancellationToken cancellationToken)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await Jobs.Remote.WarmSquare.CallAsync(i, cancellationToken);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        return [times[0], times.Skip(1).Order().ElementAt((count - 1) / 2)];
    }
}

/// <summary>A service that calls a function while it is loaded, before its snapshot, and in each copy.</summary>
[Service(MemoryMiB = 256, ScaledownWindowSeconds = 2, MaxContainers = 1)]
public sealed partial class Caller
{
    private int _loaded;
    private string _loadedIn = "";

    [Enter(Snapshot = true)]
    public async Task LoadAsync()
    {
        _loaded = await Jobs.Remote.Square.CallAsync(3);
        _loadedIn = ContainerContext.Current!.ContainerId;
    }

    /// <summary>What was loaded, the square of another number, where it was loaded, and where this runs.</summary>
    [Function]
    public async Task<string> DescribeAsync(int x, CancellationToken cancellationToken) =>
        $"{_loaded} {await Jobs.Remote.Square.CallAsync(x, cancellationToken)} {_loadedIn} {ContainerContext.Current!.ContainerId}";
}
