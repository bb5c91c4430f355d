using System.Collections.Concurrent;
using System.Reflection;
using Modal.Apps;
using Modal.Deployments;
using Modal.Protocol;
using Modal.Runtime;
using Modal.Secrets;
using Modal.Volumes;

namespace Modal;

/// <content>Apps that stay when the program has ended.</content>
public sealed partial class App
{
    private static readonly ConcurrentDictionary<DeployedAppName, AppSession> s_deployed = new();

    /// <summary>
    /// Deploys all functions and services of this program's assemblies that are loaded, under a name: they stay when the program has ended, and other programs find them by it. Images are built before anything is
    /// changed; the version before serves until the new one does, and nothing that runs is lost. Deploying what is deployed already changes nothing.
    /// </summary>
    /// <param name="name">1 to 64 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</param>
    /// <param name="options">Settings; null, the default, means the defaults of <see cref="DeployOptions"/>.</param>
    /// <param name="cancellationToken">Stops waiting; the deployment may have been made.</param>
    /// <returns>What serves now.</returns>
    /// <exception cref="InvalidRequestException">The name or a definition cannot be, or the program has no functions.</exception>
    /// <exception cref="ImageBuildException">An image cannot be built; nothing was changed.</exception>
    /// <exception cref="NotFoundException">There is no such environment.</exception>
    public static async Task<Deployment> DeployAsync(string name, DeployOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new DeployOptions();
        var app = DeployedAppName.Of(name, options.Environment);
        var session = new AppSession(app);
        await using (session.ConfigureAwait(false))
        {
            var connection = await session.ConnectAsync(cancellationToken).ConfigureAwait(false);
            var request = new DeployRequest
            {
                Environment = app.Environment,
                Name = app.Name,
                Code = await connection.UploadCodeAsync(cancellationToken).ConfigureAwait(false),
                Strategy = (Protocol.DeployStrategy)options.Strategy,
                Tag = options.Tag ?? "",
            };
            foreach (var (spec, image, secrets, volumes) in FunctionSpecs.BuildAll(session.AppId, session.NeedsAspNetCore))
            {
                spec.ImageId = await session.EnsureImageAsync(connection, image, cancellationToken).ConfigureAwait(false);
                if (secrets.Count > 0)
                {
                    spec.Secrets.AddRange(await AppSecrets.PutAsync(connection.Secrets, session.AppId, spec.FunctionId, secrets, cancellationToken).ConfigureAwait(false));
                }

                await VolumeIds.FillAsync(connection, spec, volumes, cancellationToken).ConfigureAwait(false);
                request.Functions.Add(spec);
            }

            if (request.Functions.Count == 0)
            {
                throw new InvalidRequestException("There is nothing to deploy: no assembly that is loaded has a [Function]. Use a type of the assembly first, or mark a method.");
            }

            request.Manifests.AddRange(Manifests());
            (request.GitCommit, request.GitDirty) = await GitState.ReadAsync(Environment.CurrentDirectory).ConfigureAwait(false);
            var reply = await connection.DeployAsync(request, cancellationToken).ConfigureAwait(false);
            return new Deployment
            {
                AppId = reply.AppId,
                Name = app.Name,
                Version = reply.Version,
                IsUnchanged = reply.IsUnchanged,
                Incompatibilities = [.. reply.Incompatibilities],
            };
        }
    }

    /// <summary>Where calls of a handle go.</summary>
    internal static AppSession SessionOf(FunctionTarget target) => target.App is { } app ? s_deployed.GetOrAdd(app, static a => new AppSession(a)) : Current;

    // Only of assemblies with functions that are registered: a library may have functions that this program does not use.
    private static IEnumerable<string> Manifests()
    {
        var assemblies = FunctionRegistry.Functions.Select(static f => f.Assembly).Concat(FunctionRegistry.Services.Select(static s => s.Assembly)).ToHashSet(StringComparer.Ordinal);
        return AppDomain.CurrentDomain.GetAssemblies().Where(a => assemblies.Contains(a.GetName().Name ?? ""))
            .Select(static a => a.GetCustomAttribute<ModalManifestAttribute>()?.Json).OfType<string>().Order(StringComparer.Ordinal);
    }
}
