using System.Threading.Channels;
using Grpc.Core;
using Xunit;

namespace Modal.Backend.Host.Tests.Harness;

/// <summary>What arrives on a stream, kept until a test asks for it. A test that waits in vain is told what came instead.</summary>
internal sealed class Awaiting<T>
    where T : class
{
    // Starting the silo and compiling everything once may take this long on a busy machine.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly Channel<T> _arrived = Channel.CreateUnbounded<T>();
    private readonly List<string> _seen = [];

    public void Add(T item) => _arrived.Writer.TryWrite(item);

    public void End(Exception? error = null) => _arrived.Writer.TryComplete(error);

    /// <summary>Takes what arrives until something matches, and returns that.</summary>
    public async Task<TFound> FirstAsync<TFound>(string what, Func<T, TFound?> match)
        where TFound : class
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            while (true)
            {
                var item = await _arrived.Reader.ReadAsync(limit.Token);
                if (match(item) is { } found)
                {
                    return found;
                }

                _seen.Add(item.ToString() ?? "");
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            throw new TimeoutException($"Waited in vain for {what}. {(e as ChannelClosedException)?.InnerException?.Message} Seen: {string.Join('\n', _seen.TakeLast(20))}");
        }
    }

    public async Task ReadAsync(IAsyncStreamReader<T> reader, Func<T, Task>? handle, CancellationToken cancellationToken)
    {
        try
        {
            while (await reader.MoveNext(cancellationToken))
            {
                var item = reader.Current;
                if (handle is not null)
                {
                    await handle(item);
                }

                Add(item);
            }

            End();
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or IOException)
        {
            End(e);
        }
    }

    /// <summary>Waits for the stream's end.</summary>
    public async Task EndedAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        await foreach (var item in _arrived.Reader.ReadAllAsync(limit.Token))
        {
            _seen.Add(item.ToString() ?? "");
        }
    }
}
