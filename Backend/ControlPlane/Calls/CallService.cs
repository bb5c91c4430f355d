using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Containers;
using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>Serves detached calls: what is not in memory any more is read from the database.</summary>
internal sealed class CallService(CallStore calls, IGrainFactory grains, IOptions<ControlPlaneOptions> options, IHostApplicationLifetime lifetime) : Protocol.Calls.CallsBase
{
    // Between looks at a call whose function does not run yet, because the server has just started.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    public override async Task<PutCallsReply> Put(PutCallsRequest request, ServerCallContext context)
    {
        CallChecks.Check(request);
        context.RequireApp(request.AppId);
        return await grains.GetGrain<IDetachedCallsGrain>(request.FunctionId).PutCallsAsync(new CallParts(request.AppId, request.Parts)) switch
        {
            PutCallsOutcome.Stored => new PutCallsReply(),
            PutCallsOutcome.TooMany => throw new RpcException(new Status(
                StatusCode.ResourceExhausted, "The function has 1,000,000 detached inputs that wait, which is as many as it may have. Wait for results before adding more.")),
            PutCallsOutcome.Gap => throw new RpcException(new Status(StatusCode.InvalidArgument, "parts.first_index is beyond the inputs that the call has: send the ones before it first.")),
            _ => throw new RpcException(new Status(StatusCode.NotFound, $"The app {request.AppId} has no function {request.FunctionId}, or is being stopped.")),
        };
    }

    public override async Task Read(ReadCallRequest request, IServerStreamWriter<CallProgress> responseStream, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await ReadAsync(request, responseStream, context, stop.Token);
        }
        catch (Exception e) when (ClientService.IsDisconnect(e))
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The server is stopping, or the reader is gone."));
        }
    }

    public override async Task<CancelCallReply> Cancel(CancelCallRequest request, ServerCallContext context)
    {
        var info = await FindAsync(request.CallId, withChildren: false);
        context.RequireApp(info.AppId);
        if (info.Status == CallStatus.Running)
        {
            await grains.GetGrain<IDetachedCallsGrain>(info.FunctionId).CancelCallAsync(request.CallId, request.TerminateContainers);
        }

        return new CancelCallReply();
    }

    public override async Task<CallInfo> Get(GetCallRequest request, ServerCallContext context)
    {
        var info = await FindAsync(request.CallId, request.WithChildren);
        context.RequireApp(info.AppId);
        if (info.Status == CallStatus.Running)
        {
            info.Running = (ulong)await grains.GetGrain<IDetachedCallsGrain>(info.FunctionId).CountRunningAsync(request.CallId);
        }

        return info;
    }

    public override async Task<ListCallsReply> List(ListCallsRequest request, ServerCallContext context)
    {
        CallChecks.Check(request);
        return new ListCallsReply { Calls = { await calls.ListAsync(request) } };
    }

    private async Task ReadAsync(ReadCallRequest request, IServerStreamWriter<CallProgress> responseStream, ServerCallContext context, CancellationToken stop)
    {
        var after = request.After;
        var (isFirst, wasKnown) = (true, true);
        while (true)
        {
            var (info, results, hasMore) = await calls.ReadAsync(request.CallId, after) ?? throw Unknown(request.CallId);
            context.RequireApp(info.AppId);
            if (info.Status == CallStatus.Expired)
            {
                throw Expired(request.CallId);
            }

            var isFinished = info.Status != CallStatus.Running && !hasMore;
            if (results.Count > 0 || isFinished || isFirst)
            {
                after = results.Count > 0 ? results[^1].Seq : after;
                await responseStream.WriteAsync(new CallProgress { Results = { results }, IsFinished = isFinished, Inputs = info.Inputs }, stop);
                isFirst = false;
            }

            if (isFinished)
            {
                return;
            }

            if (!hasMore && results.Count == 0)
            {
                // Not known there: it was finished since it was read, or its function does not run yet.
                var isKnown = await grains.GetGrain<IDetachedCallsGrain>(info.FunctionId).WaitCallAsync(request.CallId, after).WaitAsync(stop);
                if (!isKnown && !wasKnown)
                {
                    await Task.Delay(s_pause, stop);
                }

                wasKnown = isKnown;
            }
        }
    }

    private async Task<CallInfo> FindAsync(string callId, bool withChildren) => await calls.FindAsync(callId, withChildren) ?? throw Unknown(callId);

    private RpcException Unknown(string callId) => new(new Status(
        StatusCode.NotFound, $"There is no detached call '{callId}', or it was finished long ago: results are kept for {Describe(options.Value.ResultKeep)}."));

    private RpcException Expired(string callId) => new(new Status(
        StatusCode.NotFound, $"The results of the call {callId} have expired: they are kept for {Describe(options.Value.ResultKeep)} after it is finished."));

    private static string Describe(TimeSpan time) => time.TotalDays >= 1 ? $"{time.TotalDays:0.#} days" : time.TotalHours >= 1 ? $"{time.TotalHours:0.#} hours" : $"{time.TotalMinutes:0.#} minutes";
}
