using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Modal.Backend.Host.Commands;
using Modal.Backend.Worker;
using Xunit;

namespace Modal.Backend.Host.Tests;

/// <summary>What the command line says of a worker arrives at it.</summary>
public sealed class WorkerSettingsTests : IDisposable
{
    private readonly string _state = Directory.CreateTempSubdirectory("modal-host-test-").FullName;

    public void Dispose() => Directory.Delete(_state, recursive: true);

    [Theory]
    [InlineData("all", null)]
    [InlineData("none", "")]
    [InlineData("GPU-1, GPU-2", "GPU-1|GPU-2")]
    public async Task Build_Worker_HasWhatTheOptionsSay(string gpus, string? uuids)
    {
        var options = new HostOptions { Role = HostRole.Worker, StateDirectory = _state, Region = "eu-west", Pool = "big", Gpus = gpus, DiskMiB = 7 };
        await using var host = HostBuilding.Build(options, services => services.AddSingleton<IConfigureOptions<WorkerOptions>>(
            new ConfigureOptions<WorkerOptions>(w => (w.RunnerDirectory, w.ImageFsDirectory) = (_state, _state))));

        var worker = host.Services.GetRequiredService<IOptions<WorkerOptions>>().Value;

        Assert.Equal(("eu-west", "big", 7), (worker.Region, worker.Pool, worker.EphemeralDiskMiB));
        Assert.Equal(uuids?.Split('|', StringSplitOptions.RemoveEmptyEntries), worker.Gpus);
    }

    [Fact]
    public void Parse_Serve_KnowsTheWorkersOptions()
    {
        Assert.Empty(HostCommand.Create().Parse(["serve", "--region", "eu-west", "--pool", "big", "--gpus", "none", "--disk-mib", "1024"]).Errors);
        Assert.NotEmpty(HostCommand.Create().Parse(["serve", "--disk-mib", "much"]).Errors);
    }
}
