using Grpc.Core;
using Modal.Backend.Worker.Native;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Protocol;

namespace Modal.Backend.Worker.Volumes;

/// <summary>
/// The volumes of one container. All are below one folder inside, <see cref="InsidePath"/>, where each version of a volume has a mount of its own and a link, <c>current</c>, leads to the newest one that
/// is shown; the path that the function names is a link to that link. So another version takes the place of the shown one at one moment, in a container that runs, and what is open stays open.
/// Safe from many threads.
/// </summary>
internal sealed class ContainerVolumes(VolumeService service, string containerId, string folder, Action<string> onProblem) : IAsyncDisposable
{
    /// <summary>Where they are inside.</summary>
    public const string InsidePath = "/modal/volumes";

    // More of them are only sent by code that is no runner.
    private const int MaxRequests = 100;

    // As long as the server or the store may be away.
    private const int MaxFinalAttempts = 9;

    // Looking for changes takes at most this part of the time.
    private const int RestFactor = 20;

    private readonly List<MountedVolume> _volumes = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _commits = Task.CompletedTask;
    private int _requests;

    /// <summary>What the sandbox gets in place of its image.</summary>
    public SandboxImage? Sandbox { get; private set; }

    private string Tree => Path.Combine(folder, "tree");

    private string Shown => Path.Combine(folder, "shown");

    public async Task MountAsync(IReadOnlyList<VolumeMount> mounts, SandboxImage? image, string standardRoot, CancellationToken cancellationToken)
    {
        var (links, root) = (Path.Combine(folder, "links"), Path.Combine(folder, "root"));
        foreach (var made in new[] { Tree, Shown, root, links + InsidePath })
        {
            Directory.CreateDirectory(made);
        }

        Mounts.Bind(Tree, Shown, isReadOnly: false);
        Mounts.Share(Shown);
        var below = image?.Root ?? standardRoot;
        for (var i = 0; i < mounts.Count; i++)
        {
            var mount = mounts[i];
            if (image?.Binds.FirstOrDefault(b => b.Inside == mount.Path || b.Inside.StartsWith(mount.Path.TrimEnd('/') + "/", StringComparison.Ordinal)) is { } hidden)
            {
                throw new SandboxStartException($"The volume '{mount.Name}' at {mount.Path} would hide {hidden.Inside}, which the image mounts: choose another path.");
            }

            MakeLink(links, below, mount.Path.Trim('/').Split('/'), $"{InsidePath}/{i}/current");
            var volume = new MountedVolume(service, containerId, mount, Path.Combine(folder, $"{i}"), Path.Combine(Shown, $"{i}"));
            _volumes.Add(volume);
            await volume.MountAsync(cancellationToken);
        }

        Mounts.ReadOnlyOverlay(links, below, root);
        Sandbox = (image ?? new SandboxImage(standardRoot, new Dictionary<string, string>(), [], null, null, null)) with
        {
            Root = root,
            Binds = [.. image?.Binds ?? [], new BindMount(InsidePath, Shown, IsWritable: true)],
        };
        if (service.CommitInterval > TimeSpan.Zero && _volumes.Exists(static v => !v.Mount.ReadOnly))
        {
            _commits = Task.Run(CommitFromTimeToTimeAsync, CancellationToken.None);
        }
    }

    /// <summary>Does what user code asked for.</summary>
    /// <returns>Why it could not be done; empty if it was.</returns>
    public async Task<string> DoAsync(RunnerVolumeRequest request, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _requests) > MaxRequests)
        {
            Interlocked.Decrement(ref _requests);
            return $"More than {MaxRequests} requests for volumes are under way.";
        }

        try
        {
            if (_volumes.Find(v => v.Mount.Name == request.Name && v.Mount.Environment == request.Environment) is not { } volume)
            {
                return $"The volume '{request.Name}' is not mounted in this container. It has: {string.Join(", ", _volumes.Select(static v => $"'{v.Mount.Name}' at {v.Mount.Path}"))}. Add [Mount] to the function.";
            }

            if (request.Action == VolumeAction.Reload)
            {
                await volume.ReloadAsync(cancellationToken);
            }
            else
            {
                await volume.CommitAsync(cancellationToken);
            }

            return "";
        }
        catch (OperationCanceledException)
        {
            return "The container is stopped.";
        }
#pragma warning disable CA1031 // The edge of a request: whatever is wrong becomes its answer.
        catch (Exception e)
        {
            if (e is not (RpcException or IOException))
            {
                Log.VolumeDefect(service.Logger, containerId, e);
            }

            return e is RpcException rpc ? rpc.Status.Detail : e.Message;
        }
#pragma warning restore CA1031
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }

    /// <summary>The container has ended: commits what it wrote, and takes everything away.</summary>
    public async Task EndAsync()
    {
        await _stop.CancelAsync();
        await _commits;
        foreach (var volume in _volumes.Where(static v => !v.Mount.ReadOnly))
        {
            await CommitAsync(volume, MaxFinalAttempts);
        }

        await DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _commits;
        try
        {
            foreach (var point in Mounts.Below(folder))
            {
                Mounts.Unmount(point);
            }

            foreach (var volume in _volumes)
            {
                await volume.DisposeAsync();
            }

            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            // The next start of the worker takes it away; the end of the container must be reported all the same.
            Log.RemovalFailed(service.Logger, folder, e.Message);
        }

        _stop.Dispose();
    }

    private async Task CommitFromTimeToTimeAsync()
    {
        var pause = service.CommitInterval;
        while (true)
        {
            await Task.Delay(pause, service.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            var begun = service.Time.GetTimestamp();
            foreach (var volume in _volumes.Where(static v => !v.Mount.ReadOnly))
            {
                await CommitAsync(volume, attempts: 1);
            }

            var took = service.Time.GetElapsedTime(begun) * RestFactor;
            pause = took > service.CommitInterval ? took : service.CommitInterval;
        }
    }

    // Never a reason for the container to fail.
    private async Task CommitAsync(MountedVolume volume, int attempts)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await volume.CommitAsync(attempts > 1 ? CancellationToken.None : _stop.Token);
                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // The edge of a commit that nobody waits for.
            catch (Exception e)
            {
                var cause = e is RpcException rpc ? rpc.Status.Detail : e.Message;
                Log.VolumeNotCommitted(service.Logger, containerId, volume.Mount.VolumeId, cause);
                if (attempt >= attempts || e is RpcException { StatusCode: StatusCode.NotFound })
                {
                    if (attempts > 1)
                    {
                        onProblem($"What was written to the volume '{volume.Mount.Name}' since its last commit is lost: {cause}");
                    }

                    return;
                }
            }
#pragma warning restore CA1031
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(attempt, 5)), service.Time);
        }
    }

    // A link at a path, in folders that look like those of the image beneath.
    private static void MakeLink(string links, string below, string[] names, string target)
    {
        var (path, original) = (links, below);
        foreach (var name in names[..^1])
        {
            (path, original) = (Path.Combine(path, name), Path.Combine(original, name));
            if (new FileInfo(original).LinkTarget is { } leads)
            {
                throw new SandboxStartException($"A volume cannot be at /{string.Join('/', names)}: in the image {name} is a link to {leads}. Name that path.");
            }

            Directory.CreateDirectory(path);
            if (Directory.Exists(original))
            {
                // The upper one is what is seen.
                File.SetUnixFileMode(path, File.GetUnixFileMode(original));
            }
        }

        File.CreateSymbolicLink(Path.Combine(path, names[^1]), target);
    }
}
