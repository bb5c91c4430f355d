using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Modal.Backend.Worker.TestCode;

/// <summary>A service that has much, some of it alive, when a snapshot of it is taken.</summary>
internal sealed class Frozen(long megabytes) : IDisposable
{
    private readonly List<byte[]> _blocks = [];
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private TcpClient? _client;
    private TcpClient? _server;
    private Timer? _timer;
    private long _ticks;
    private string _entered = "";

    /// <summary>Before the snapshot.</summary>
    public async ValueTask LoadAsync()
    {
        for (var i = 0; i < megabytes; i++)
        {
            // As the content of models is: neither zero nor noise.
            var block = new byte[1024 * 1024];
            for (var b = 0; b < block.Length; b++)
            {
                block[b] = (byte)((b >> 5) * (i + 1));
            }

            _blocks.Add(block);
        }

        // Each thread of the pool that has been used has random numbers of its own.
        await Parallel.ForAsync(0, 64, async (_, _) =>
        {
            Random.Shared.Next();
            await Task.Yield();
        });
        RandomNumberGenerator.GetInt32(1_000_000);
        _listener.Start();
        _client = new TcpClient();
        await _client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)_listener.LocalEndpoint).Port);
        _server = await _listener.AcceptTcpClientAsync();
        _timer = new Timer(_ => Interlocked.Increment(ref _ticks), null, 0, 10);
        Console.WriteLine("loaded");
    }

    /// <summary>After it, in each container.</summary>
    public void Refresh()
    {
        _entered = Environment.GetEnvironmentVariable("MODAL_CONTAINER_ID") ?? "";
        Console.WriteLine("refreshed");
    }

    /// <summary>What is left of it all, as words.</summary>
    public async ValueTask<string> DescribeAsync()
    {
        var sum = _blocks.Sum(block => block[^1]);
        await _client!.GetStream().WriteAsync(new byte[] { 42 });
        var echo = new byte[1];
        await _server!.GetStream().ReadExactlyAsync(echo);
        var before = Interlocked.Read(ref _ticks);
        await Task.Delay(100);
        return string.Join(' ',
            _blocks.Count, sum, echo[0], Interlocked.Read(ref _ticks) > before ? "ticking" : "stopped", _entered, Random.Shared.NextInt64(), await Task.Run(() => Random.Shared.NextInt64()),
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), Guid.NewGuid(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _client?.Dispose();
        _server?.Dispose();
        _listener.Dispose();
    }
}
