using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Runners;
using Modal.Backend.Worker.Sandboxes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>Restores a snapshot once, in a sandbox that serves nobody, before any container depends on it.</summary>
internal static class SnapshotTrial
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs it.</summary>
    /// <param name="folder">The snapshot.</param>
    /// <param name="spec">What it was taken of.</param>
    /// <param name="imageId">Its image; empty for the standard base.</param>
    /// <param name="factory">Restores it.</param>
    /// <param name="images">Mounts its image.</param>
    /// <param name="time">Keeps the limit.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">The process in it did not answer.</exception>
    /// <exception cref="SandboxStartException">It could not be restored.</exception>
    public static async Task RunAsync(string folder, SandboxSpec spec, string imageId, ISandboxFactory factory, ContainerImages images, TimeProvider time, CancellationToken cancellationToken)
    {
        var id = Id.New(Id.Container);
        ContainerImage? image = null;
        try
        {
            if (imageId.Length > 0)
            {
                image = await images.AcquireAsync(imageId, id, function: null, cancellationToken);
            }

            using var greeting = new Greeting();
            await using var sandbox = await factory.RestoreAsync(spec with { Id = id, Image = image?.Sandbox }, folder, greeting, cancellationToken);
            sandbox.Send(new WorkerFrame { Resume = new RunnerResume { ContainerId = id, Restored = true, OnlyRenew = true } });
            if (!await greeting.HearAsync(sandbox, s_limit, time, cancellationToken))
            {
                throw new IOException($"The process in a trial of the snapshot ended: {await sandbox.Exited}. {greeting.Printed}");
            }
        }
        catch (TimeoutException)
        {
            throw new IOException($"The process in a trial of the snapshot did not answer within {s_limit.TotalSeconds:0} s.");
        }
        finally
        {
            if (image is not null)
            {
                await image.DisposeAsync();
            }
        }
    }
}
