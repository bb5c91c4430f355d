using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Workers;

public sealed class WorkerLinkTests
{
    private readonly WorkerLink _link = new("wk-1/1");

    [Fact]
    public void TryStart_AfterTheLoss_IsRefusedSoThatNoContainerIsForgotten()
    {
        Assert.True(_link.TryStart(Start("ta-1", "fn-1")));
        Assert.True(_link.TryStart(Start("ta-2", "fn-2")));

        Assert.Equal(["fn-1", "fn-2"], _link.Lose().Order());
        Assert.False(_link.TryStart(Start("ta-3", "fn-3")));
        Assert.Null(_link.FunctionOf("ta-3"));
    }

    [Fact]
    public void ReportStarting_OnlyChangesAreNews()
    {
        Assert.False(_link.ReportStarting(0));
        Assert.True(_link.ReportStarting(2));
        Assert.False(_link.ReportStarting(2));
        _link.TryStart(Start("ta-1", "fn-1"));
        Assert.True(_link.ReportStarting(2));
        Assert.False(_link.ReportStarting(2));
    }

    private static StartContainer Start(string container, string function) => new() { ContainerId = container, Function = new FunctionSpec { FunctionId = function } };
}
