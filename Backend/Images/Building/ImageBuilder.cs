using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Images.Dockerfiles;
using Modal.Backend.Images.Scanning;
using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>
/// Builds images layer by layer. A layer that is built is never built again, by whoever asks; one that several want at the same time is made once, and all see its output.
/// Safe from many threads.
/// </summary>
public sealed class ImageBuilder : IDisposable
{
    // Stands for all layers together: a whole image that is known is one request to the store and not several for each layer.
    private static readonly ImageLayer s_whole = new() { Operation = "whole" };

    private readonly ImageStore _store;
    private readonly IBlobSource _blobs;
    private readonly LayerMaker _maker;
    private readonly ILogger<ImageBuilder> _logger;
    private readonly SemaphoreSlim _slots;
    private readonly ImageScans _scans;
    private readonly ConcurrentDictionary<string, LayerBuild> _building = new(StringComparer.Ordinal);

    /// <summary>Makes a builder.</summary>
    /// <param name="store">Where layers are kept.</param>
    /// <param name="sandbox">Runs steps.</param>
    /// <param name="blobs">Gives the bytes of local files.</param>
    /// <param name="options">Settings.</param>
    /// <param name="logger">Told of builds and of what went wrong.</param>
    public ImageBuilder(ImageStore store, IBuildSandbox sandbox, IBlobSource blobs, ImageBuilderOptions options, ILogger<ImageBuilder> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_store, _blobs, _logger) = (store, blobs, logger);
        _maker = new LayerMaker(store, sandbox, blobs, options);
        _scans = new ImageScans(store);
        _slots = new SemaphoreSlim(Math.Max(1, options.MaxConcurrentLayers));
    }

    /// <summary>Builds an image.</summary>
    /// <param name="request">What to build.</param>
    /// <param name="emit">Gets what happens, the last of it being <c>built</c> or <c>failed</c>; may be called from any thread, one call at a time.</param>
    /// <param name="cancellationToken">Ends it; a layer that others wait for goes on.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public async Task BuildAsync(BuildImageRequest request, Action<BuildEvent> emit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var events = new SerialEvents(emit);
        var at = -1;
        try
        {
            var plan = LayerPlan.Make(request.Image);
            var keys = new List<string>();
            for (at = 0; at < plan.Count && plan[at].Action is not LayerAction.Dockerfile; at++)
            {
                keys.Add(CacheKeys.Of(at == 0 ? "" : keys[^1], plan[at].Layer, await _maker.ResolveAsync(plan[at], request, cancellationToken)));
            }

            var whole = at == plan.Count && at > 0 && !request.IgnoreCache && !plan.Any(static l => l.Layer.ForceBuild) ? CacheKeys.Of(keys[^1], s_whole, request.ForFunction ? "function" : "") : null;
            if (whole is not null && await _store.FindWholeAsync(whole, cancellationToken) is { } known)
            {
                foreach (var (number, _) in plan.Index().Where(static l => l.Item.Action is not (LayerAction.Configure or LayerAction.Mount)))
                {
                    events.Emit(new BuildEvent { Finished = new LayerFinished { Layer = number, Cached = true } });
                }

                events.Emit(new BuildEvent { Built = new ImageBuilt { ImageId = known } });
                return;
            }

            var (record, key, built, force) = (default(BuildRecord), "", 0, request.IgnoreCache);
            for (at = 0; at < plan.Count; at++)
            {
                var layer = plan[at];
                force |= layer.Layer.ForceBuild;
                if (layer.Action is LayerAction.Dockerfile dockerfile)
                {
                    var (number, forced) = (at, force);
                    var file = new DockerfileBuilder(_maker, _blobs, dockerfile, layer.Layer, request, async (stepKey, step, below) =>
                    {
                        var (stepRecord, stepIsNew) = await MakeAsync(number, stepKey, step, below, request, forced, events, cancellationToken);
                        built += stepIsNew ? 1 : 0;
                        return stepRecord;
                    }, text => events.Emit(System(number, text)));
                    (record, key) = await file.BuildAsync(cancellationToken);
                    continue;
                }

                key = at < keys.Count ? keys[at] : CacheKeys.Of(key, layer.Layer, await _maker.ResolveAsync(layer, request, cancellationToken));
                var (made, isNew) = await MakeAsync(at, key, layer, record, request, force, events, cancellationToken);
                record = made;
                built += isNew ? 1 : 0;
            }

            at = -1;
            if (request.ForFunction && record is not null)
            {
                await CheckDotnetAsync(record, plan.Count - 1, built > 0, events, cancellationToken);
            }

            var image = await _maker.FinishAsync(record ?? throw new ImageDefinitionException(-1, "The image has no layers; without an image a function gets the standard base."), cancellationToken);
            if (whole is not null)
            {
                await _store.PutAsync(whole, image, cancellationToken);
            }

            events.Emit(new BuildEvent { Built = new ImageBuilt { ImageId = image.Image, BuiltLayers = built } });
        }
        catch (ImageDefinitionException e)
        {
            events.Emit(Failed(e.Layer, new LayerFailedException(e.Message)));
        }
        catch (DockerfileException e)
        {
            events.Emit(Failed(at, new LayerFailedException(e.Message)));
        }
        catch (LayerFailedException e)
        {
            Log.LayerFailed(_logger, at, e.Message);
            events.Emit(Failed(at, e));
        }
        catch (Exception e) when (e is IOException or BuildSandboxException or UnauthorizedAccessException)
        {
            // Not the author's fault: a full disk, a store that is away.
            Log.BuildBroke(_logger, e, at);
            events.Emit(Failed(at, new LayerFailedException(e.Message)));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private static BuildEvent Failed(int layer, LayerFailedException failure) => new()
    {
        Failed = new BuildFailed { Layer = layer, Message = failure.Message, Command = failure.Command, ExitCode = failure.ExitCode, OutputTail = failure.OutputTail },
    };

    private static BuildEvent System(int layer, string text) => new() { Output = new LayerOutput { Layer = layer, Source = OutputSource.System, Data = ByteString.CopyFromUtf8($"{text}\n") } };

    private async Task CheckDotnetAsync(BuildRecord record, int layer, bool isNew, SerialEvents events, CancellationToken cancellationToken)
    {
        var findings = await RequireDotnetAsync(record, cancellationToken);

        // Once, and not at each start of a program.
        foreach (var finding in isNew ? findings : [])
        {
            events.Emit(System(layer, $"{finding}"));
        }
    }

    // What is found is of no harm to all functions.
    private async Task<IReadOnlyList<ScanFinding>> RequireDotnetAsync(BuildRecord record, CancellationToken cancellationToken)
    {
        var findings = await _scans.ScanAsync(record, cancellationToken);
        return findings.Any(static f => f.IsFatal)
            ? throw new LayerFailedException($"No C# function can run in this image. {string.Join(' ', findings.Where(static f => f.IsFatal))}")
            : findings;
    }

    private async Task<(BuildRecord Record, bool IsNew)> MakeAsync(
        int at, string key, PlannedLayer layer, BuildRecord? parent, BuildImageRequest request, bool force, SerialEvents events, CancellationToken cancellationToken)
    {
        // Settings cost nothing to make.
        if (layer.Action is LayerAction.Configure configure)
        {
            return (parent! with { Config = configure.Change(parent.Config) }, false);
        }

        if (layer.Action is LayerAction.Mount mount)
        {
            return (parent! with { Mounts = [.. parent.Mounts, Mounting.Of(mount, layer.Layer.Files)] }, false);
        }

        var cached = force ? null : await _store.FindBuiltAsync(key, cancellationToken);
        if (cached is not null)
        {
            // Settings of the layers below are not a part of the key's record where they cost nothing.
            events.Emit(new BuildEvent { Finished = new LayerFinished { Layer = at, Cached = true } });
            return (Over(parent, cached), false);
        }

        var clock = Stopwatch.StartNew();
        events.Emit(new BuildEvent { Started = new LayerStarted { Layer = at, Title = layer.Title } });
        while (true)
        {
            // What is built without the cache is nobody else's.
            var flight = request.IgnoreCache ? $"{key} {Guid.NewGuid():N}" : force ? $"{key} forced" : key;
            var build = _building.GetOrAdd(flight, name => new LayerBuild((self, token) => BuildLayerAsync(name, key, layer, parent, request, force, self, token)));
            try
            {
                if (await build.WaitAsync((source, data) => events.Emit(new BuildEvent { Output = new LayerOutput { Layer = at, Source = source, Data = ByteString.CopyFrom(data.Span) } }), cancellationToken) is { } made)
                {
                    events.Emit(new BuildEvent { Finished = new LayerFinished { Layer = at, DurationMs = clock.ElapsedMilliseconds, Cached = !made.IsNew } });
                    return (Over(parent, made.Record), made.IsNew);
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Called off for want of others just when this one came.
            }

            _building.TryRemove(KeyValuePair.Create(flight, build));
        }
    }

    // A record's own settings come from a base; all others have their parent's.
    private static BuildRecord Over(BuildRecord? parent, BuildRecord made) => parent is null ? made : made with { Config = parent.Config, Mounts = parent.Mounts };

    private async Task<BuiltLayer> BuildLayerAsync(
        string flight, string key, PlannedLayer layer, BuildRecord? parent, BuildImageRequest request, bool force, LayerBuild build, CancellationToken cancellationToken)
    {
        try
        {
            // Between this build's look into the store and its beginning another may have ended.
            return !force && await _store.FindBuiltAsync(key, cancellationToken) is { } there
                ? new BuiltLayer(there, IsNew: false)
                : new BuiltLayer(await BuildLayerAsync(key, layer, parent, request, build, cancellationToken), IsNew: true);
        }
        finally
        {
            _building.TryRemove(KeyValuePair.Create(flight, build));
        }
    }

    private async Task<BuildRecord> BuildLayerAsync(
        string key, PlannedLayer layer, BuildRecord? parent, BuildImageRequest request, LayerBuild build, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            if (layer.Action is LayerAction.RunFunction)
            {
                await RequireDotnetAsync(parent!, cancellationToken);
            }

            var record = await _maker.MakeAsync(layer, parent, request, build.Print, cancellationToken);
            if (!request.IgnoreCache)
            {
                await _store.PutAsync(key, record, cancellationToken);
            }

            return record;
        }
        finally
        {
            _slots.Release();
        }
    }
}
