using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Containers;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Gpus;

/// <summary>Steps of builds that ask for a GPU, in gVisor with a stand-in for the driver.</summary>
public sealed class GpuBuildTests
{
    [Fact]
    public async Task Step_WithAGpu_SeesItAndOneThatIsNotHereFailsByName()
    {
        using var standIn = StandInGpus.Make();
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, configure: standIn.Configure);
        var options = Options.Create(worker.Settings);
        var store = new ImageStore(new FolderTier(Path.Combine(worker.StateDirectory, "store")), Path.Combine(worker.StateDirectory, "indexes"), TimeProvider.System);
        await using var roots = new ImageRoots(options, store, TimeProvider.System, NullLogger<ImageRoots>.Instance);
        using var gpus = new GpuInventory(options, NullLogger<GpuInventory>.Instance);
        using var images = new WorkerImages(
            options, store, roots, new UsedImages(), new CodeVersions(options, worker.Blobs), worker.Blobs, gpus, TimeProvider.System, NullLogger<ImageBuilder>.Instance, NullLogger<WorkerImages>.Instance);
        images.Open(worker.Factory);
        var outbox = new BuildOutbox();
        var builds = images.NewSession(outbox);

        builds.Start(Build("H100", "ls /dev; echo \"it is $NVIDIA_VISIBLE_DEVICES\"; cat /modal/gpu/libcuda.so.1"));
        var (ended, printed) = await outbox.EndAsync();
        Assert.True(ended.Built is not null, $"{ended}: {printed}");
        Assert.Contains("nvidia0", printed, StringComparison.Ordinal);
        Assert.DoesNotContain("nvidia1", printed, StringComparison.Ordinal);
        Assert.Contains($"it is {StandInGpus.H100}", printed, StringComparison.Ordinal);
        Assert.Contains("stand-in for libcuda", printed, StringComparison.Ordinal);

        builds.Start(Build("L4", "true"));
        Assert.Contains("The step asks for the GPU L4. The worker has no GPU L4. It has H100, A100-40GB.", (await outbox.EndAsync()).Ended.Failed.Message, StringComparison.Ordinal);

        using var lease = await gpus.HoldAsync([StandInGpus.H100], TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await builds.StopAsync();
    }

    private static BuildImage Build(string gpu, string command) => new()
    {
        BuildId = Guid.NewGuid().ToString("N"),
        Request = new BuildImageRequest
        {
            Image = new ImageSpec { Layers = { new ImageLayer { Operation = "debian-slim" }, new ImageLayer { Operation = "run-commands", Arguments = { command }, Gpu = gpu } } },
        },
    };

    private sealed class BuildOutbox : IOutbox
    {
        private readonly Lock _gate = new();
        private readonly StringBuilder _printed = new();
        private TaskCompletionSource<BuildEvent> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsFull => false;

        public void Post(WorkerMessage message)
        {
            lock (_gate)
            {
                var happened = message.Build.Event;
                _printed.Append(happened.Output?.Data.ToStringUtf8());
                if (happened.EventCase is BuildEvent.EventOneofCase.Built or BuildEvent.EventOneofCase.Failed)
                {
                    _ended.TrySetResult(happened);
                }
            }
        }

        public async Task<(BuildEvent Ended, string Printed)> EndAsync()
        {
            var ended = await _ended.Task.WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
            lock (_gate)
            {
                var printed = _printed.ToString();
                _printed.Clear();
                _ended = new TaskCompletionSource<BuildEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
                return (ended, printed);
            }
        }
    }
}
