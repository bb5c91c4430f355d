using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Backend.ControlPlane.Workers;
using Modal.Backend.Store.Digests;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Images;

/// <summary>
/// Has images built by workers. Requests with the same first layer go to the same worker, which does a layer that several want once; what is built already is in the store
/// that all workers share.
/// </summary>
internal sealed class ImageService(
    Registry<WorkerLink> links, Registry<RunningBuild> builds, WorkerArrivals arrivals, ISecretValues secrets, IHostApplicationLifetime lifetime, ILogger<ImageService> logger) : Protocol.Images.ImagesBase
{
    // A build that kills its worker twice would kill them all.
    private const int MaxWorkers = 2;

    public override async Task Build(BuildImageRequest request, IServerStreamWriter<BuildEvent> responses, ServerCallContext context)
    {
        if (request.Image is null)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The request names no image."));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            foreach (var secret in request.Secrets.Where(static s => s.Reference is not null))
            {
                secret.Variables.Clear();
                secret.Variables.Add((await secrets.ResolveAsync(request.AppId, [secret.Reference])).ToDictionary());
            }

            for (var attempt = 1; attempt <= MaxWorkers; attempt++)
            {
                if (await BuildOnAsync(await ChooseAsync(request.Image, stop.Token), request, responses, stop.Token))
                {
                    return;
                }
            }

            await responses.WriteAsync(Failed($"The worker that built the image was lost, {MaxWorkers} times. The server's log says why; call again to try again."), stop.Token);
        }
        catch (SecretException e)
        {
            await responses.WriteAsync(Failed(e.Message), stop.Token);
        }
        catch (Exception e) when (ClientService.IsDisconnect(e))
        {
            // The client is gone or the server stops: the worker was told.
        }
    }

    private static BuildEvent Failed(string message) => new() { Failed = new BuildFailed { Layer = -1, Message = message } };

    // False if the worker was lost before the build ended.
    private async Task<bool> BuildOnAsync(WorkerLink? worker, BuildImageRequest request, IServerStreamWriter<BuildEvent> responses, CancellationToken cancellationToken)
    {
        if (worker is null)
        {
            await responses.WriteAsync(Failed("No worker is connected that could build the image."), cancellationToken);
            return true;
        }

        var build = new RunningBuild(Guid.NewGuid().ToString("N"), worker.Session);
        builds.Set(build.Id, build);
        var ended = false;
        logger.BuildStarted(build.Id, request.Image.Layers.Count, worker.Session);
        try
        {
            worker.Post(new ServerMessage { Build = new BuildImage { BuildId = build.Id, Request = request } });
            if (!links.TryGet(worker.Session, out _))
            {
                build.Lose();
            }

            await foreach (var happened in build.ReadAsync(cancellationToken))
            {
                if (happened.Failed is { } failed && BuildGpus.Lack(request.Image, links.All) is { } lack)
                {
                    failed.Message = $"{failed.Message} {lack}";
                }

                ended = happened.EventCase is BuildEvent.EventOneofCase.Built or BuildEvent.EventOneofCase.Failed;
                await responses.WriteAsync(happened, cancellationToken);
            }

            return ended;
        }
        finally
        {
            builds.Remove(build.Id, build);
            if (!ended)
            {
                worker.Post(new ServerMessage { CancelBuild = new CancelBuild { BuildId = build.Id } });
            }

            logger.BuildEnded(build.Id, ended);
        }
    }

    private Task<WorkerLink?> ChooseAsync(ImageSpec image, CancellationToken cancellationToken)
    {
        var key = image.Layers.Count == 0 ? "" : $"{image.Layers[0].Operation} {string.Join(' ', image.Layers[0].Arguments)}";

        // Rendezvous: when a worker comes or goes only its own share moves. A worker without the GPUs can still find all steps done, and else says that it lacks them.
        return arrivals.FindAsync(
            () =>
            {
                var staying = links.All.Where(static l => !l.IsDraining).ToArray();
                var able = staying.Where(l => BuildGpus.Suffice(image, l.Gpus)).ToArray();
                return (able.Length > 0 ? able : staying).MaxBy(l => Digest.Of(System.Text.Encoding.UTF8.GetBytes($"{key} {WorkerSession.WorkerIdOf(l.Session)}")));
            },
            cancellationToken);
    }
}
