using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Modal.Connections;
using Modal.Names;
using Modal.Protocol;

namespace Modal.Queues;

/// <summary>A queue's requests, of encoded items. Puts and gets are gathered apart; one that waits goes alone.</summary>
internal sealed class QueueConnection : IAsyncDisposable
{
    // What the server waits at most; who waits longer asks again.
    private const long MaxWaitMs = 50_000;

    private readonly string _environment;
    private readonly ObjectHandle _handle;
    private readonly FinishedRequests _finished = new();
    private readonly OperationBatcher<QueueOperation, QueueResult> _puts;
    private readonly OperationBatcher<QueueOperation, QueueResult> _gets;

    public QueueConnection(string name, bool createIfMissing, string? environment)
    {
        _environment = EnvironmentName.Resolve(environment);
        _handle = new ObjectHandle(
            async invoker =>
            {
                var reply = await Client(invoker).OpenAsync(new OpenQueueRequest { Environment = _environment, Name = name, CreateIfMissing = createIfMissing }).ConfigureAwait(false);
                return (reply.QueueId, reply.LifetimeMs);
            },
            async (invoker, id) => await Client(invoker).KeepAliveAsync(new KeepQueueAliveRequest { Environment = _environment, QueueId = id }).ConfigureAwait(false),
            async (invoker, id) => await Client(invoker).DeleteAsync(new DeleteQueueRequest { Environment = _environment, QueueId = id }).ConfigureAwait(false));
        _puts = new OperationBatcher<QueueOperation, QueueResult>(SendAsync, static o => o.CalculateSize());
        _gets = new OperationBatcher<QueueOperation, QueueResult>(SendAsync, static o => o.CalculateSize());
    }

    public static Protocol.Queues.QueuesClient Client(CallInvoker invoker) => new(invoker);

    /// <returns>Null, or why the items do not fit now.</returns>
    public async Task<string?> TryPutAsync(QueuePut put, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var result = await _puts.RunAsync(new QueueOperation { Put = put }).ConfigureAwait(false);
        return result.Error is { Code: (int)StatusCode.ResourceExhausted } full ? full.Message : Checked(result).Error?.Message;
    }

    /// <summary>Items that are there. Once it is under way it is waited for: what it takes out must not be lost.</summary>
    public async Task<IReadOnlyList<ByteString>> GetAsync(string partition, int count, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var result = await _gets.RunAsync(new QueueOperation { Get = new QueueGet { Partition = partition, Count = count } }).ConfigureAwait(false);
        return Checked(result).Items.Items;
    }

    /// <summary>Waits on the server until there are items or the time is over.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="count">At most that many.</param>
    /// <param name="timeout">How long to wait; null waits for ever.</param>
    /// <param name="cancellationToken">Ends the wait; the server then gives the items to others.</param>
    public async Task<IReadOnlyList<ByteString>> WaitAsync(string partition, int count, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var begun = TimeProvider.System.GetTimestamp();

        // What is there already is taken together with what others take.
        if (await GetAsync(partition, count, cancellationToken).ConfigureAwait(false) is { Count: > 0 } there)
        {
            return there;
        }

        while (true)
        {
            var left = timeout is { } limit ? (long)(limit - TimeProvider.System.GetElapsedTime(begun)).TotalMilliseconds : long.MaxValue;
            if (left <= 0)
            {
                return await GetAsync(partition, count, cancellationToken).ConfigureAwait(false);
            }

            var operation = new QueueOperation { Get = new QueueGet { Partition = partition, Count = count, WaitMs = Math.Min(left, MaxWaitMs) } };
            var items = Checked((await SendAsync([operation], cancellationToken).ConfigureAwait(false))[0]).Items.Items;
            if (items.Count > 0 || left <= MaxWaitMs)
            {
                return items;
            }
        }
    }

    public async Task<long> LengthAsync(QueueLength length, CancellationToken cancellationToken) =>
        Checked(await _gets.RunAsync(new QueueOperation { Length = length }).WaitAsync(cancellationToken).ConfigureAwait(false)).Length;

    public async Task<long> ClearAsync(QueueClear clear, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Checked(await _gets.RunAsync(new QueueOperation { Clear = clear }).ConfigureAwait(false)).Length;
    }

    public async IAsyncEnumerable<ByteString> IterateAsync(string partition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new IterateQueueRequest { Environment = _environment, QueueId = await _handle.IdAsync(cancellationToken).ConfigureAwait(false), Partition = partition };
        while (true)
        {
            var page = await ServerConnection.SendAsync(async (invoker, _) => await Client(invoker).IterateAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken)
                .ConfigureAwait(false);
            foreach (var item in page.Items)
            {
                yield return item;
            }

            if (!page.HasMore)
            {
                yield break;
            }

            request.After = page.Last;
        }
    }

    public ValueTask DisposeAsync() => _handle.DisposeAsync();

    private static QueueResult Checked(QueueResult result) =>
        result.Error is { } error ? throw GrpcErrors.ToException(new RpcException(new Status((StatusCode)error.Code, error.Message))) : result;

    private Task<IReadOnlyList<QueueResult>> SendAsync(IReadOnlyList<QueueOperation> operations) => SendAsync(operations, CancellationToken.None);

    private async Task<IReadOnlyList<QueueResult>> SendAsync(IReadOnlyList<QueueOperation> operations, CancellationToken cancellationToken)
    {
        var id = await _handle.IdAsync(cancellationToken).ConfigureAwait(false);
        var batch = new QueueBatch { Environment = _environment, QueueId = id, RequestId = Guid.NewGuid().ToString("N"), Operations = { operations } };
        _finished.TakeTo(batch.FinishedRequestIds);
        try
        {
            var reply = await ServerConnection.SendAsync(async (invoker, isRepeated) =>
            {
                batch.IsRepeated = isRepeated;
                return await Client(invoker).ExecuteAsync(batch, cancellationToken: cancellationToken).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
            _finished.Add(batch.RequestId);
            return reply.Results;
        }
        catch (NotFoundException)
        {
            _handle.Forget();
            throw;
        }
    }
}
