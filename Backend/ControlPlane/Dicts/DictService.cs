using Grpc.Core;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Dicts;

/// <summary>Dicts for clients.</summary>
internal sealed class DictService(IDatabase database, EnvironmentNames environments, TimeProvider time) : Protocol.Dicts.DictsBase
{
    private readonly NamedObjects _names = Names(database, environments, time);
    private readonly DictStore _store = new(database, time);

    public static NamedObjects Names(IDatabase database, EnvironmentNames environments, TimeProvider time) => new(database, environments, time, "dicts", "dict", Id.Dict);

    public override async Task<OpenDictReply> Open(OpenDictRequest request, ServerCallContext context) => new()
    {
        DictId = await _names.OpenAsync(request.Environment, request.Name, request.CreateIfMissing),
        LifetimeMs = request.Name.Length > 0 ? 0 : (long)NamedObjects.EphemeralLifetime.TotalMilliseconds,
    };

    public override async Task<KeepDictAliveReply> KeepAlive(KeepDictAliveRequest request, ServerCallContext context)
    {
        await _names.KeepAliveAsync(request.Environment, request.DictId);
        return new KeepDictAliveReply { LifetimeMs = (long)NamedObjects.EphemeralLifetime.TotalMilliseconds };
    }

    public override async Task<DeleteDictReply> Delete(DeleteDictRequest request, ServerCallContext context)
    {
        await _names.DeleteAsync(request.Environment, request.Name, request.DictId);
        return new DeleteDictReply();
    }

    public override async Task<ListDictsReply> List(ListDictsRequest request, ServerCallContext context) => new() { Dicts = { await _names.ListAsync(request.Environment) } };

    public override async Task<DictBatchReply> Execute(DictBatch request, ServerCallContext context)
    {
        BatchChecks.Check(request.RequestId, request.Operations.Count, DictLimits.MaxOperations);
        return await _store.ExecuteAsync(await environments.ResolveAsync(request.Environment), request) ?? throw _names.Missing(request.Environment, request.DictId);
    }

    public override async Task<DictPage> Iterate(IterateDictRequest request, ServerCallContext context) =>
        await _store.IterateAsync(await environments.ResolveAsync(request.Environment), request) ?? throw _names.Missing(request.Environment, request.DictId);
}
