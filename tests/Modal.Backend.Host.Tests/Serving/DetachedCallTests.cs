using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Calls that outlive their client and the server that took them.</summary>
public sealed class DetachedCallTests(TestServer server) : IClassFixture<TestServer>
{
    private readonly string _callId = Id.New(Id.Call);

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Put_OneCall_ResultIsThereForWhoeverAsksAsOftenAsTheyAsk()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);

        await client.PutDetachedAsync(_callId, 3);

        for (var i = 0; i < 2; i++)
        {
            var results = await ReadAsync();
            Assert.Equal([1ul, 2ul, 3ul], results.Select(r => r.Seq));
            Assert.Equal([(0ul, 0), (1ul, 1), (2ul, 4)], results.Select(r => (r.Index, FakeWorker.ValueOf(r.Value))).Order());
        }

        Assert.Equal([3ul], (await ReadAsync(after: 2)).Select(r => r.Seq));
        var info = await InfoAsync();
        Assert.Equal((CallStatus.Finished, 3ul, 3ul, 0ul, "Jobs.Square"), (info.Status, info.Inputs, info.Succeeded, info.Failed, info.FunctionName));
    }

    [Fact]
    public async Task Put_Again_RunsOnce()
    {
        var runs = 0;
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = d =>
        {
            runs += d.Attempts.Count;
            return [FakeWorker.SquareAll(d)];
        });
        await using var client = await FakeClient.OpenAsync(server);
        for (var i = 0; i < 3; i++)
        {
            await client.PutDetachedAsync(_callId, 2, isLast: false);
            await client.PutDetachedAsync(_callId, 2, start: 2);
        }

        var results = await ReadAsync();
        await client.PutDetachedAsync(_callId, 2, isLast: false);
        await client.PutDetachedAsync(_callId, 2, start: 2);

        Assert.Equal([0ul, 1ul, 2ul, 3ul], results.Select(r => r.Index).Order());
        Assert.Equal((4, 4ul), (runs, (await InfoAsync()).Inputs));
    }

    [Fact]
    public async Task Put_WithoutItsBeginning_IsRefused()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await client.PutDetachedAsync(_callId, 1, isLast: false);

        var error = await Assert.ThrowsAsync<RpcException>(() => client.PutDetachedAsync(_callId, 1, start: 5));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        await client.PutDetachedAsync(_callId, 0, start: 1);
        Assert.Single(await ReadAsync());
    }

    [Fact]
    public async Task Put_NoInputs_IsFinishedAtOnce()
    {
        await using var client = await FakeClient.OpenAsync(server);

        await client.PutDetachedAsync(_callId, 0);

        Assert.Empty(await ReadAsync());
        Assert.Equal(CallStatus.Finished, (await InfoAsync()).Status);
    }

    [Fact]
    public async Task ClientGone_CallUnfinished_AppGoesOnUntilItIs()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        var client = await FakeClient.OpenAsync(server);
        await client.PutDetachedAsync(_callId, 1);
        var dispatch = await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);

        // Its stream ends, so that the program may leave.
        await client.CloseAppAsync();
        await client.AppEvents.EndedAsync();
        Assert.Contains((await StatusAsync()).Apps, a => a.AppId == client.AppId);
        Assert.Equal((CallStatus.Running, 1ul), ((await InfoAsync()).Status, (await InfoAsync()).Running));

        await worker.SendAsync(FakeWorker.SquareAll(dispatch));
        Assert.Single(await ReadAsync());
        await worker.Messages.FirstAsync("StopContainer", m => m.Stop);
        await worker.ReportAsync();
        await client.DisposeAsync();
        while ((await StatusAsync()).Apps.Any(a => a.AppId == client.AppId))
        {
            await worker.ReportAsync();
        }
    }

    [Fact]
    public async Task ServerEnds_CallUnfinished_GoesOnInTheNext()
    {
        await using (var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static d => d.Attempts[0].Input.Index == 0 ? [FakeWorker.SquareAll(d)] : []))
        await using (var client = await FakeClient.OpenAsync(server))
        {
            await client.PutDetachedAsync(_callId, 3);
            await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch?.Attempts[0].Input.Index == 1 ? m : null);
            await FirstResultAsync();
            await client.KillAsync();
        }

        await server.RestartAsync();
        await using var again = await FakeWorker.ConnectAsync(server);

        var results = await ReadAsync();
        Assert.Equal([(0ul, 0), (1ul, 1), (2ul, 4)], results.Select(r => (r.Index, FakeWorker.ValueOf(r.Value))).Order());
        Assert.Equal([1ul, 2ul, 3ul], results.Select(r => r.Seq));
    }

    [Fact]
    public async Task Cancel_Running_IsCancelledForReaders()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        await using var client = await FakeClient.OpenAsync(server);
        await client.PutDetachedAsync(_callId, 2);
        await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);

        await client.Detached.CancelAsync(new CancelCallRequest { CallId = _callId }, cancellationToken: Limit);

        Assert.All(await ReadAsync(), r => Assert.Equal(FailureKind.Cancelled, r.Failure.Kind));
        Assert.Equal((CallStatus.Cancelled, 2ul), ((await InfoAsync()).Status, (await InfoAsync()).Failed));
        await worker.Messages.FirstAsync("CancelAttempts", m => m.Cancel);
        await client.Detached.CancelAsync(new CancelCallRequest { CallId = _callId }, cancellationToken: Limit);
    }

    [Fact]
    public async Task Cancel_TerminatesContainers_OthersInThemRunAgain()
    {
        var first = true;
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = d =>
        {
            var hold = first;
            first = false;
            return hold ? [] : [FakeWorker.SquareAll(d)];
        });
        await using var client = await FakeClient.OpenAsync(server, f => f.MaxConcurrentInputs = 2);
        await client.PutDetachedAsync(_callId, 1);
        var other = Id.New(Id.Call);
        await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        await client.Detached.CancelAsync(new CancelCallRequest { CallId = _callId, TerminateContainers = true }, cancellationToken: Limit);

        var stop = await worker.Messages.FirstAsync("StopContainer", m => m.Stop);
        Assert.Equal((0, "a call that ran in it was cancelled and asked for that"), (stop.GraceMs, stop.Reason));
        await client.PutDetachedAsync(other, 1, start: 0);
        Assert.Equal(0, FakeWorker.ValueOf(Assert.Single(await ReadAsync(other)).Value));
    }

    [Fact]
    public async Task Read_Expired_SaysSo()
    {
        await using (var worker = await FakeWorker.ConnectAsync(server))
        await using (var client = await FakeClient.OpenAsync(server))
        {
            await client.PutDetachedAsync(_callId, 1);
            await ReadAsync();
            await client.KillAsync();
        }

        server.Time.Advance(TimeSpan.FromDays(7) + TimeSpan.FromMinutes(10));
        await server.RestartAsync();
        await using var later = await FakeWorker.ConnectAsync(server);
        while ((await InfoAsync()).Status != CallStatus.Expired)
        {
            await later.ReportAsync();
        }

        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAsync());
        Assert.Equal((StatusCode.NotFound, $"The results of the call {_callId} have expired: they are kept for 7 days after it is finished."), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Read_Unknown_SaysHowLongResultsAreKept()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => ReadAsync());

        Assert.Equal((StatusCode.NotFound, $"There is no detached call '{_callId}', or it was finished long ago: results are kept for 7 days."), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Get_CallsMadeInOthers_AreATree()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await client.PutDetachedAsync(_callId, 1);
        var (child, grandchild) = (Id.New(Id.Call), Id.New(Id.Call));
        await PutChildAsync(child, _callId);
        await PutChildAsync(grandchild, child);

        var info = await client.Detached.GetAsync(new GetCallRequest { CallId = _callId, WithChildren = true }, cancellationToken: Limit);

        var only = Assert.Single(info.Children);
        Assert.Equal((child, 7ul), (only.CallId, only.ParentIndex));
        Assert.Equal(grandchild, Assert.Single(only.Children).CallId);
        var listed = await client.Detached.ListAsync(new ListCallsRequest { AppId = client.AppId }, cancellationToken: Limit);
        Assert.Equal(new[] { _callId, child, grandchild }.Order(), listed.Calls.Select(c => c.CallId).Order());

        async Task PutChildAsync(string id, string parent) => await client.Detached.PutAsync(new PutCallsRequest
        {
            AppId = client.AppId,
            FunctionId = client.FunctionId,
            Parts = { new CallPart { CallId = id, ParentCallId = parent, ParentIndex = 7, IsLast = true, Inputs = { new DetachedInput { Arguments = FakeWorker.PayloadOf(1) } } } },
        });
    }

    private Calls.CallsClient Client() => new(server.Connect());

    private async Task<CallInfo> InfoAsync() => await Client().GetAsync(new GetCallRequest { CallId = _callId }, cancellationToken: Limit);

    private async Task<StatusReply> StatusAsync() => await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: Limit);

    private async Task FirstResultAsync()
    {
        using var read = Client().Read(new ReadCallRequest { CallId = _callId }, cancellationToken: Limit);
        while (await read.ResponseStream.MoveNext(Limit) && read.ResponseStream.Current.Results.Count == 0)
        {
            // The first message says how many inputs there are.
        }
    }

    private async Task<List<CallResult>> ReadAsync(string? callId = null, ulong after = 0)
    {
        var results = new List<CallResult>();
        using var read = Client().Read(new ReadCallRequest { CallId = callId ?? _callId, After = after }, cancellationToken: Limit);
        var isFinished = false;
        while (await read.ResponseStream.MoveNext(Limit))
        {
            results.AddRange(read.ResponseStream.Current.Results);
            isFinished = read.ResponseStream.Current.IsFinished;
        }

        Assert.True(isFinished);
        return results;
    }
}
