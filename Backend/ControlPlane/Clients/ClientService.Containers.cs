using Grpc.Core;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Containers;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Clients;

/// <content>What code in containers asks for: its app is open, and its client may be elsewhere.</content>
internal sealed partial class ClientService
{
    private const int MaxFunctions = 1000;

    public override async Task<FindMissingFunctionsReply> FindMissingFunctions(FindMissingFunctionsRequest request, ServerCallContext context)
    {
        context.RequireApp(request.AppId);
        RequestChecks.Check(request.AppId, request.FunctionIds, MaxFunctions);
        return await grains.GetGrain<IAppGrain>(request.AppId).FindMissingFunctionsAsync(request.FunctionIds) is { } missing
            ? new FindMissingFunctionsReply { FunctionIds = { missing } }
            : throw NotRunning(request.AppId);
    }

    public override async Task<AddMissingFunctionsReply> AddMissingFunctions(AddMissingFunctionsRequest request, ServerCallContext context)
    {
        context.RequireApp(request.AppId);
        RequestChecks.Check(request.AppId, request.Functions.Select(static f => f.FunctionId).ToArray(), MaxFunctions);
        RequestChecks.Check(request.Functions);
        return await grains.GetGrain<IAppGrain>(request.AppId).AddMissingFunctionsAsync(new FunctionList(request.Functions))
            ? new AddMissingFunctionsReply()
            : throw NotRunning(request.AppId);
    }

    private static RpcException NotRunning(string appId) => new(new Status(StatusCode.NotFound, $"The app {appId} does not run, or is being stopped."));
}
