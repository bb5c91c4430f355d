using Modal.ScenarioShop;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Deployments;

/// <summary>Programs that are deployed, and others that call them.</summary>
public sealed class DeploymentScenarios
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Deploy_ProgramEnds_OthersCallItByHandleAndByName()
    {
        Assert.Equal("shop version 1\n", await DeployAsync("shop"));
        Assert.Equal("shop version 1, unchanged\n", await DeployAsync("shop"));

        Assert.Equal(49, await Shop.Remote.Square.InApp("shop").CallAsync(7, Limit));
        Assert.Equal(81, await Function.FromName<int, int>("shop", "Modal.ScenarioShop.Shop.Square").CallAsync(9, Limit));
        Assert.Equal(16, await Function.FromName<(int, int), int>("shop", "Modal.ScenarioShop.Shop.Add").CallAsync((4, 12), Limit));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => i * i), await Shop.Remote.Square.InApp("shop").Map(Enumerable.Range(0, 50), Limit).ToListAsync(Limit));

        await using var till = Till.Remote.Create("mine", 5);
        till.UseApp("shop");
        Assert.Equal("mine 6", await till.Next.CallAsync(Limit));
        await using var named = Service.FromName<(string, int)>("shop", "Modal.ScenarioShop.Till", ("mine", 5));
        Assert.Equal("mine 7", await named.Function<Unit, string>("Next").CallAsync(default, Limit));

        var call = await Shop.Remote.Square.InApp("shop").SpawnAsync(12, Limit);
        Assert.Equal(144, await call.GetAsync(cancellationToken: Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_NotDeployed_SaysWhatThereIs()
    {
        await DeployAsync("fair");

        var app = await Assert.ThrowsAsync<NotFoundException>(() => Shop.Remote.Square.InApp("nowhere").CallAsync(7, Limit));
        var function = await Assert.ThrowsAsync<NotFoundException>(() => Function.FromName<int, int>("fair", "Jobs.Nothing").CallAsync(7, Limit));
        var environment = await Assert.ThrowsAsync<NotFoundException>(() => Shop.Remote.Square.InApp("fair", "elsewhere").CallAsync(7, Limit));

        Assert.Equal("No app 'nowhere' is deployed in the environment 'main'. Deploy it, or name another environment.", app.Message);
        Assert.StartsWith("The app 'fair' (version 1) in the environment 'main' has no function 'Jobs.Nothing'. It has: ", function.Message, StringComparison.Ordinal);
        Assert.StartsWith("There is no environment 'elsewhere'.", environment.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task Environments_OfAnApp_AreItsOnlyOnesThatSeeIt()
    {
        await ModalEnvironments.CreateAsync("dev", Limit);
        Assert.Equal(["dev", "main"], await ModalEnvironments.ListAsync(Limit));
        Assert.Equal("lab version 1\n", await DeployAsync("lab", null, "dev", "first"));

        Assert.Equal(49, await Shop.Remote.Square.InApp("lab", "dev").CallAsync(7, Limit));
        await Assert.ThrowsAsync<NotFoundException>(() => Shop.Remote.Square.InApp("lab").CallAsync(7, Limit));
        Assert.DoesNotContain(await DeployedApps.ListAsync(cancellationToken: Limit), a => a.Name == "lab");
        Assert.Equal(["lab"], (await DeployedApps.ListAsync("dev", Limit)).Select(a => a.Name));
        var version = Assert.Single(await DeployedApps.HistoryAsync("lab", "dev", Limit));
        Assert.Equal((1, "first", true), (version.Version, version.Tag, version.IsCurrent));
        await Assert.ThrowsAsync<InvalidRequestException>(() => ModalEnvironments.DeleteAsync("dev", Limit));

        await DeployedApps.StopAsync("lab", "dev", Limit);

        await Assert.ThrowsAsync<NotFoundException>(() => DeployedApps.HistoryAsync("lab", "dev", Limit));
        await ModalEnvironments.DeleteAsync("dev", Limit);
        Assert.Equal(["main"], await ModalEnvironments.ListAsync(Limit));
    }

    [Fact(Timeout = 180_000)]
    public async Task Kill_TheDaemon_WhatWasDeployedIsThere()
    {
        var (state, socket) = TestState.Create("deployed");
        try
        {
            Assert.Equal("kept version 1\n", await DeployAsync("kept", state));
            using (var server = new ServerClient(socket))
            {
                Signal.Send(await server.DaemonPidAsync(), Signal.Kill);
            }

            Assert.Equal("kept version 1, unchanged\n", await DeployAsync("kept", state));
        }
        finally
        {
            await TestState.StopAsync(state);
        }
    }

    private static async Task<string> DeployAsync(string app, string? state = null, params string[] options)
    {
        using var program = ClientProcess.Shop(state ?? DaemonFixture.StateDirectory, [app, .. options]);
        Assert.True(await program.ExitAsync(TimeSpan.FromSeconds(100)) == 0, program.Error);
        return program.Out;
    }
}
