using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Clients and workers that speak the real protocol to a real server.</summary>
public sealed class CallTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task Put_OneInput_ComesBackWithItsResult()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();

        await calls.PutAsync(1, start: 7);

        var result = Assert.Single(await calls.ResultsAsync(1));
        Assert.Equal((1UL, 7UL, 1UL, 49), (result.Call, result.Index, result.Seq, FakeWorker.ValueOf(result.Value)));
    }

    [Fact]
    public async Task Put_TenThousandInputs_EachHasExactlyOneResult()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, f => f.MaxContainers = 2);
        await using var calls = await client.CallAsync();

        await calls.PutAsync(10_000);

        var results = await calls.ResultsAsync(10_000);
        Assert.Equal(Enumerable.Range(1, 10_000).Select(i => (ulong)i), results.Select(r => r.Seq));
        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => i * i), results.OrderBy(r => r.Index).Select(r => FakeWorker.ValueOf(r.Value)));
    }

    [Fact]
    public async Task Open_AfterABrokenConnection_ResumesAndIgnoresWhatItHas()
    {
        var held = new List<DispatchInputs>();
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = d =>
        {
            held.Add(d);
            return [];
        });
        await using var client = await FakeClient.OpenAsync(server, f => f.MaxConcurrentInputs = 20);
        string streamId;
        await using (var calls = await client.CallAsync())
        {
            streamId = calls.StreamId;
            await calls.PutAsync(20);
            await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        }

        worker.OnDispatch = static d => [FakeWorker.SquareAll(d)];
        foreach (var dispatch in held.ToArray())
        {
            await worker.SendAsync(FakeWorker.SquareAll(dispatch));
        }

        await using var again = await client.CallAsync(streamId);
        await again.PutAsync(20);
        // Of another call, so that whatever came twice is here before it.
        await again.PutAsync(1, call: 2);

        var results = await again.ResultsAsync(21);
        Assert.True(again.Resumed);
        Assert.Equal(20, results.Where(r => r.Call == 1).Select(r => r.Index).Distinct().Count());
        Assert.Equal(21, results.Count);
    }

    [Fact]
    public async Task Open_WithACursor_DeliversOnlyWhatFollows()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        string streamId;
        await using (var calls = await client.CallAsync())
        {
            streamId = calls.StreamId;
            await calls.PutAsync(10);
            await calls.ResultsAsync(10);
        }

        await using var again = await client.CallAsync(streamId, lastSeq: 6);

        Assert.Equal([7UL, 8UL, 9UL, 10UL], (await again.ResultsAsync(4)).Select(r => r.Seq));
    }

    [Fact]
    public async Task WorkerLost_InTheMiddle_AnotherFinishes()
    {
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await using (var first = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []))
        {
            await calls.PutAsync(50);
            await first.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        }

        await using var second = await FakeWorker.ConnectAsync(server);

        var results = await calls.ResultsAsync(50);
        Assert.Equal(50, results.Select(r => r.Index).Distinct().Count());
        Assert.Equal(50, results.Count);
    }

    [Fact]
    public async Task Cancel_RunningInput_AnswersAtOnceAndTellsTheContainer()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await calls.PutAsync(2);
        await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);

        await calls.SendAsync(new CallRequest { Cancel = new CancelInputs { Call = 1 } });

        Assert.All(await calls.ResultsAsync(2), r => Assert.Equal(FailureKind.Cancelled, r.Failure.Kind));
        var cancel = await worker.Messages.FirstAsync("CancelAttempts", m => m.Cancel);
        Assert.Equal(0UL, Assert.Single(cancel.Inputs).Index);
    }

    [Fact]
    public async Task Output_OfAnInput_ComesBeforeItsResultAndIsAcknowledged()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static d =>
        [
            new WorkerMessage
            {
                Output = new Output
                {
                    ContainerId = d.ContainerId, Source = OutputSource.Stdout, Input = d.Attempts[0].Input, Data = Google.Protobuf.ByteString.CopyFromUtf8("squaring\n"),
                },
            },
            FakeWorker.SquareAll(d),
        ]);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();

        await calls.PutAsync(1);

        var order = new List<CallEvent.EventOneofCase>();
        await calls.Events.FirstAsync("a result", e =>
        {
            order.Add(e.EventCase);
            return e.Results;
        });
        Assert.Equal([CallEvent.EventOneofCase.Output, CallEvent.EventOneofCase.Results], order.Where(c => c != CallEvent.EventOneofCase.Stats));
        Assert.Equal(9, (await worker.Messages.FirstAsync("OutputAck", m => m.OutputAck)).Bytes);
    }

    [Fact]
    public async Task Put_ContainerCannotStart_TheCallerHearsWhy()
    {
        var failure = new Failure { Kind = FailureKind.Startup, Message = "[Enter] threw.", Exception = new RemoteExceptionInfo { Type = "System.IO.IOException", Message = "no weights" } };
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnStart = start => new WorkerMessage
        {
            Exited = new ContainerExited { ContainerId = start.ContainerId, Reason = ExitReason.StartupFailed, Failure = failure },
        });
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();

        await calls.PutAsync(2);

        Assert.All(await calls.ResultsAsync(2), r => Assert.Equal(failure, r.Failure));
    }

    [Fact]
    public async Task CloseApp_ContainerRuns_StopsItAndThenEndsTheStream()
    {
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.EndsWhenTold = false);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);
        await calls.ResultsAsync(1);

        await client.CloseAppAsync();

        var stop = await worker.Messages.FirstAsync("StopContainer", m => m.Stop);
        Assert.Contains((await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Apps, a => a.AppId == client.AppId);
        await worker.SendAsync(new WorkerMessage { Exited = new ContainerExited { ContainerId = stop.ContainerId, Reason = ExitReason.Stopped } });
        await client.AppEvents.EndedAsync();
        Assert.DoesNotContain((await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Apps, a => a.AppId == client.AppId);
    }

    [Fact]
    public async Task Call_OutputNobodyReads_OthersAreServed()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var slow = await FakeClient.OpenAsync(server);
        await using var quick = await FakeClient.OpenAsync(server);
        // Opened by hand, so that nothing reads it.
        using var unread = server.Client().Call(cancellationToken: TestContext.Current.CancellationToken);
        await unread.RequestStream.WriteAsync(
            new CallRequest { Open = new OpenStream { AppId = slow.AppId, FunctionId = slow.FunctionId, StreamId = Id.New(Id.Call) } }, TestContext.Current.CancellationToken);
        var megabyte = new Payload { Format = PayloadFormat.Messagepack, Inline = Google.Protobuf.ByteString.CopyFrom(new byte[1024 * 1024]) };
        worker.OnDispatch = d => [AnswerWith(d, d.Attempts[0].Arguments.Inline.Length == 4 ? null : megabyte)];
        for (var i = 0UL; i < 40; i++)
        {
            await unread.RequestStream.WriteAsync(
                new CallRequest { Inputs = new PutInputs { Inputs = { new Input { Call = 1, Index = i, Arguments = new Payload { Format = PayloadFormat.Messagepack } } } } },
                TestContext.Current.CancellationToken);
        }

        await using var calls = await quick.CallAsync();
        await calls.PutAsync(100);

        Assert.Equal(100, (await calls.ResultsAsync(100)).Count);
    }

    private static WorkerMessage AnswerWith(DispatchInputs dispatch, Payload? payload)
    {
        var message = FakeWorker.SquareAll(payload is null ? dispatch : new DispatchInputs());
        message.Results.ContainerId = dispatch.ContainerId;
        if (payload is not null)
        {
            message.Results.Results.AddRange(dispatch.Attempts.Select(a => new AttemptResult { Input = a.Input, Attempt = a.Attempt_, Value = payload, RunUs = 1 }));
        }

        return message;
    }
}
