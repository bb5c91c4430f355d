using Google.Protobuf;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Tunnels;

/// <summary>Code in real containers that speaks to the server, rightly and wrongly.</summary>
public sealed class TunnelContainerTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static TheoryData<SandboxKind> Kinds => [SandboxKind.GVisor, SandboxKind.Process];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Connect_TwoMegabytesBothWays_ComeBack(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var app = Id.New(Id.App);
        var container = worker.Run("Echo", s => s.AppId = app);

        var result = await container.CallAsync(TestContainer.Arguments(2_000_000));

        Assert.Equal($"{container.Id} {app} True", Text(result));
        Assert.Equal($"MODAL-CONTAINER {container.Id}", Assert.Single(worker.Server.Prefaces));
        await Assert.Single(worker.Server.Connections).WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Connect_RestrictModalAccess_IsNotOffered(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Echo", s => s.Function.RestrictModalAccess = true);

        Assert.Equal("may not connect", Text(await container.CallAsync(TestContainer.Arguments(1))));
        Assert.Empty(worker.Server.Connections);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Connect_ContainerStopped_ItsConnectionEnds(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        worker.Server.Holds = true;
        var container = worker.Run("Echo");
        await container.ReadyAsync();
        container.Dispatch(TestContainer.Arguments(100));
        var connection = await worker.Server.FirstConnection.WaitAsync(s_patience, TestContext.Current.CancellationToken);

        container.Stop(TimeSpan.Zero);

        await container.Ended;
        await connection.WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Forge_DataBeyondTheWindow_EndsTheContainerWithTheReason(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Forge");
        var forged = new MemoryStream();
        Write(forged, new TunnelFrame { Id = 2, Open = new TunnelOpen { Target = "server" } });
        Write(forged, new TunnelFrame { Id = 2, Window = 1000 });

        var result = await container.CallAsync(TestContainer.Arguments(Convert.ToHexString(forged.ToArray())));

        Assert.Equal(FailureKind.Crashed, result.Failure.Kind);
        Assert.Contains("1000 bytes given back on tunnel 2", result.Failure.Message, StringComparison.Ordinal);
        Assert.Equal(ExitReason.UserCode, (await container.ExitedAsync()).Reason);
    }

    private static void Write(MemoryStream stream, TunnelFrame tunnel)
    {
        var bytes = new RunnerFrame { Tunnel = tunnel }.ToByteArray();
        stream.Write(BitConverter.GetBytes(bytes.Length));
        stream.Write(bytes);
    }

    private static string Text(AttemptResult result) => result.Failure is null ? new PayloadReader(result.Value.Inline.Span).ReadRequiredString() : result.Failure.ToString();
}
