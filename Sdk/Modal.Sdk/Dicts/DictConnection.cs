using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Modal.Connections;
using Modal.Names;
using Modal.Protocol;

namespace Modal.Dicts;

/// <summary>A dict's requests, of encoded keys and values. Reads and changes are gathered apart, so that no read waits for the server's disk.</summary>
internal sealed class DictConnection : IAsyncDisposable
{
    private readonly string _environment;
    private readonly ObjectHandle _handle;
    private readonly FinishedRequests _finished = new();
    private readonly OperationBatcher<DictOperation, DictResult> _reads;
    private readonly OperationBatcher<DictOperation, DictResult> _changes;

    public DictConnection(string name, bool createIfMissing, string? environment)
    {
        _environment = EnvironmentName.Resolve(environment);
        _handle = new ObjectHandle(
            async invoker =>
            {
                var reply = await Client(invoker).OpenAsync(new OpenDictRequest { Environment = _environment, Name = name, CreateIfMissing = createIfMissing }).ConfigureAwait(false);
                return (reply.DictId, reply.LifetimeMs);
            },
            async (invoker, id) => await Client(invoker).KeepAliveAsync(new KeepDictAliveRequest { Environment = _environment, DictId = id }).ConfigureAwait(false),
            async (invoker, id) => await Client(invoker).DeleteAsync(new DeleteDictRequest { Environment = _environment, DictId = id }).ConfigureAwait(false));
        _reads = new OperationBatcher<DictOperation, DictResult>(SendAsync, static o => o.CalculateSize());
        _changes = new OperationBatcher<DictOperation, DictResult>(SendAsync, static o => o.CalculateSize());
    }

    public static Protocol.Dicts.DictsClient Client(CallInvoker invoker) => new(invoker);

    public async Task<DictResult> ReadAsync(DictOperation operation, CancellationToken cancellationToken) =>
        Checked(await _reads.RunAsync(operation).WaitAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Once it is under way it is waited for: what it takes out must not be lost.</summary>
    public async Task<DictResult> ChangeAsync(DictOperation operation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Checked(await _changes.RunAsync(operation).ConfigureAwait(false));
    }

    public async IAsyncEnumerable<DictEntry> IterateAsync(bool keysOnly, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var id = await _handle.IdAsync(cancellationToken).ConfigureAwait(false);
        var after = ByteString.Empty;
        while (true)
        {
            var request = new IterateDictRequest { Environment = _environment, DictId = id, AfterKey = after, KeysOnly = keysOnly };
            var page = await ServerConnection.SendAsync(async (invoker, _) => await Client(invoker).IterateAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken)
                .ConfigureAwait(false);
            foreach (var entry in page.Entries)
            {
                yield return entry;
            }

            if (!page.HasMore)
            {
                yield break;
            }

            after = page.Entries[^1].Key;
        }
    }

    public ValueTask DisposeAsync() => _handle.DisposeAsync();

    private static DictResult Checked(DictResult result) =>
        result.Error is { } error ? throw GrpcErrors.ToException(new RpcException(new Status((StatusCode)error.Code, error.Message))) : result;

    private async Task<IReadOnlyList<DictResult>> SendAsync(IReadOnlyList<DictOperation> operations)
    {
        var id = await _handle.IdAsync(CancellationToken.None).ConfigureAwait(false);
        var batch = new DictBatch { Environment = _environment, DictId = id, RequestId = Guid.NewGuid().ToString("N"), Operations = { operations } };
        var changes = operations.Any(static o => o.OperationCase is not (DictOperation.OperationOneofCase.Get or DictOperation.OperationOneofCase.Contains or DictOperation.OperationOneofCase.Length));
        if (changes)
        {
            _finished.TakeTo(batch.FinishedRequestIds);
        }

        try
        {
            var reply = await ServerConnection.SendAsync(async (invoker, isRepeated) =>
            {
                batch.IsRepeated = isRepeated;
                return await Client(invoker).ExecuteAsync(batch).ConfigureAwait(false);
            }, CancellationToken.None).ConfigureAwait(false);
            if (changes)
            {
                _finished.Add(batch.RequestId);
            }

            return reply.Results;
        }
        catch (NotFoundException)
        {
            _handle.Forget();
            throw;
        }
    }
}
