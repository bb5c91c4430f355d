using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Sandboxes;
using Xunit;

namespace Modal.Backend.Worker.Tests.Gpus;

public sealed class GpuInventoryTests
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public void Gpus_OneOfThreeFails_AreTheOtherTwo()
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);

        Assert.Equal(StandInGpus.DriverVersion, inventory.DriverVersion);
        Assert.Equal(
            [(StandInGpus.H100, "H100", "NVIDIA H100 80GB HBM3", 81559L, "nvidia0", 195, 0), (StandInGpus.A100, "A100-40GB", "NVIDIA A100-SXM4-40GB", 40960L, "nvidia1", 195, 1)],
            inventory.Gpus.Select(g => (g.Uuid, g.Model, g.Name, g.MemoryMiB, g.Node.Name, g.Node.Major, g.Node.Minor)));
    }

    [Fact]
    public void Measure_MissingCounter_IsZeroAndTheRestIsThere()
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);

        var metrics = inventory.Measure();

        Assert.Equal(
            [(StandInGpus.H100, 87, 1234L, 61, 412345L), (StandInGpus.A100, 0, 1234L, 61, 412345L)],
            metrics.Select(m => (m.Uuid, m.UtilizationPercent, m.MemoryUsedMib, m.TemperatureCelsius, m.PowerMilliwatts)));
    }

    [Fact]
    public async Task Measure_GpuThatFellOff_IsLeftOutFromThenOn()
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);
        standIn.Lose();

        Assert.Equal([StandInGpus.H100], inventory.Measure().Select(m => m.Uuid));

        Assert.Equal([StandInGpus.H100], inventory.Gpus.Select(g => g.Uuid));
        var failure = await Assert.ThrowsAsync<SandboxStartException>(() => inventory.HoldAsync([StandInGpus.A100], Limit));
        Assert.Equal($"The worker has no working GPU {StandInGpus.A100}. It has H100.", failure.Message);
    }

    [Fact]
    public void Open_WithoutLibraryDriverNodesOrWish_HasNone()
    {
        using var standIn = StandInGpus.Make();
        Assert.Empty(Open(standIn, o => o.NvmlPath = "/nonexistent.so").Gpus);
        Assert.Empty(Open(standIn, o => o.Gpus = []).Gpus);
        Assert.Equal([StandInGpus.A100], Open(standIn, o => o.Gpus = [StandInGpus.A100]).Gpus.Select(g => g.Uuid));
        File.Delete(Path.Combine(standIn.Devices, "nvidia0"));
        Assert.Equal([StandInGpus.A100], Open(standIn).Gpus.Select(g => g.Uuid));
        File.Delete(Path.Combine(standIn.Devices, "nvidia-uvm"));
        Assert.Empty(Open(standIn).Gpus);
        standIn.Unload();
        Assert.Empty(Open(standIn).Gpus);
    }

    [Fact]
    public async Task Lend_WhileAContainerHasIt_WaitsAndThenHasItAlone()
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);
        var held = await inventory.HoldAsync([StandInGpus.H100], Limit);

        var lending = inventory.LendAsync("H100", Limit);
        Assert.False(lending.IsCompleted);
        held.Dispose();
        using var lent = await lending.WaitAsync(TimeSpan.FromSeconds(10), Limit);

        Assert.Equal([StandInGpus.H100], lent.Gpus.Select(g => g.Uuid));
        Assert.False(inventory.HoldAsync([StandInGpus.H100], Limit).IsCompleted);
    }

    [Theory]
    [InlineData("H200, A100", StandInGpus.A100)]
    [InlineData("A100-80GB, any", StandInGpus.H100)]
    [InlineData("any", StandInGpus.H100)]
    public async Task Lend_Alternatives_GivesTheFirstThatIsHere(string request, string uuid)
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);

        using var lent = await inventory.LendAsync(request, Limit);

        Assert.Equal([uuid], lent.Gpus.Select(g => g.Uuid));
    }

    [Theory]
    [InlineData("L4")]
    [InlineData("H100:2")]
    [InlineData("any:3")]
    public async Task Lend_WhatIsNotHere_SaysWhatIs(string request)
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);

        var failure = await Assert.ThrowsAsync<SandboxStartException>(() => inventory.LendAsync(request, Limit));

        Assert.Equal($"The worker has no GPU {request}. It has H100, A100-40GB.", failure.Message);
    }

    [Fact]
    public async Task Hold_CalledOff_LeavesTheGpuToOthers()
    {
        using var standIn = StandInGpus.Make();
        using var inventory = Open(standIn);
        var held = await inventory.HoldAsync([StandInGpus.H100], Limit);
        using var stop = new CancellationTokenSource();
        var waiting = inventory.HoldAsync([StandInGpus.H100], stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        held.Dispose();
        (await inventory.HoldAsync([StandInGpus.H100], Limit)).Dispose();
    }

    private static GpuInventory Open(StandInGpus standIn, Action<WorkerOptions>? change = null)
    {
        var options = new WorkerOptions();
        standIn.Configure(options);
        change?.Invoke(options);
        return new GpuInventory(Options.Create(options), NullLogger<GpuInventory>.Instance);
    }
}
