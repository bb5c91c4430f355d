using System.Net;
using System.Text;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Images.Layers;
using Modal.Backend.Images.Registries;
using Modal.Backend.Images.Scanning;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>Makes one layer: from the record below to the record of it.</summary>
internal sealed class LayerMaker(ImageStore store, IBuildSandbox sandbox, IBlobSource blobs, ImageBuilderOptions options)
{
    // 2020-01-01: a file that was copied from a developer's machine is the same whenever it was copied.
    private const long CopiedSeconds = 1_577_836_800;

    // A hundred thousand users.
    private const int MaxTextBytes = 4 * 1024 * 1024;

    private readonly ContentCatalog _catalog = new();

    /// <summary>What a layer's key depends on beside its definition.</summary>
    /// <exception cref="LayerFailedException">It cannot be found out.</exception>
    public Task<string[]> ResolveAsync(PlannedLayer layer, BuildImageRequest request, CancellationToken cancellationToken) => layer.Action switch
    {
        LayerAction.StandardBase => Task.FromResult<string[]>([Path.GetFileName(Path.GetDirectoryName(StandardBase))!]),
        LayerAction.Registry registry => ResolveAsync(registry, request, cancellationToken),
        LayerAction.RunFunction => Task.FromResult<string[]>([request.Code?.Digest ?? throw new LayerFailedException("The image runs a function, and the request does not say of which code.")]),
        _ => Task.FromResult<string[]>([]),
    };

    /// <summary>Makes it.</summary>
    /// <exception cref="LayerFailedException">It cannot be made.</exception>
    public async Task<BuildRecord> MakeAsync(
        PlannedLayer layer, BuildRecord? parent, BuildImageRequest request, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        try
        {
            return await TryMakeAsync(layer, parent, request, print, cancellationToken);
        }
        catch (StalePlacementException)
        {
            // Contents that were known are gone from the store: without knowing them they are stored again.
            _catalog.Clear();
            return await TryMakeAsync(layer, parent, request, print, cancellationToken);
        }
    }

    /// <summary>Stores an image, if it is not stored: a record under its own id, over files that have all places where something is mounted.</summary>
    /// <returns>The image's record, with its id, which follows from the record given: whether the image is there is known without making it.</returns>
    public async Task<BuildRecord> FinishAsync(BuildRecord record, CancellationToken cancellationToken)
    {
        var id = ImageStore.ImageIdOf(record);
        if (await store.FindBuiltAsync(id, cancellationToken) is { } there)
        {
            return there with { Image = id };
        }

        record = await EnsureWorkingDirectoryAsync(record, cancellationToken);
        if (record.Mounts.Count > 0)
        {
            record = await ChangeAsync(record, root => record.Mounts.ToList().ForEach(mount => EnsureTarget(root, mount)), cancellationToken);
        }

        await store.PutAsync(id, record, cancellationToken);
        return record with { Image = id };
    }

    private string StandardBase => options.StandardBase
        ?? throw new LayerFailedException("This server has no standard base: './run --setup' makes it (as root, on Debian). Or begin the image with FromRegistry.");

    private static void EnsureTarget(TreeNode root, ImageMount mount)
    {
        var at = mount.Target.TrimEnd('/').LastIndexOf('/');
        if (mount.IsDirectory || at < 0)
        {
            ContainerPaths.EnsureFolder(root, mount.Target);
            return;
        }

        var folder = ContainerPaths.EnsureFolder(root, mount.Target[..at]);
        var name = new TreeName(mount.Target.TrimEnd('/')[(at + 1)..]);
        if (!folder.Children.TryGetValue(name, out var there) || !there.IsFile)
        {
            folder.Children[name] = new TreeNode { Mode = NodeModes.File | 0b110_100_100 };
        }
    }

    private Task<BuildRecord> TryMakeAsync(
        PlannedLayer layer, BuildRecord? parent, BuildImageRequest request, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken) => layer.Action switch
        {
            LayerAction.StandardBase => MakeAsync(ImageConfig.Empty, writer => DirectoryTree.ScanAsync(StandardBase, writer, cancellationToken), cancellationToken),
            LayerAction.Scratch => MakeAsync(ImageConfig.Empty, static _ => Task.FromResult(TreeNode.Directory()), cancellationToken),
            LayerAction.Registry registry => PullAsync(registry, request, print, cancellationToken),
            LayerAction.Archive archive => UnpackAsync(archive, cancellationToken),
            LayerAction.Instruction instruction => instruction.Make(parent!, print, cancellationToken),
            LayerAction.Run run => RunAsync(layer.Layer, run, parent!, request, print, cancellationToken),
            LayerAction.RunFunction function => RunAsync(layer.Layer, function, parent!, request, print, cancellationToken),
            LayerAction.Copy copy => CopyAsync(layer.Layer, copy, parent!, cancellationToken),
            _ => throw new LayerFailedException($"This server cannot make a layer of {layer.Layer.Operation}."),
        };

    private static async Task<string[]> ResolveAsync(LayerAction.Registry registry, BuildImageRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return [await Registry.ResolveAsync(registry.Reference, Credentials(registry, request), cancellationToken)];
        }
        catch (RegistryException e)
        {
            throw new LayerFailedException(e.Message);
        }
    }

    private static NetworkCredential? Credentials(LayerAction.Registry registry, BuildImageRequest request)
    {
        if (registry.Secret is null)
        {
            return null;
        }

        var variables = request.Secrets.FirstOrDefault(s => s.Name == registry.Secret)?.Variables;
        return variables is not null && variables.TryGetValue("REGISTRY_USERNAME", out var user) && variables.TryGetValue("REGISTRY_PASSWORD", out var password)
            ? new NetworkCredential(user, password)
            : throw new LayerFailedException($"The secret '{registry.Secret}' must have REGISTRY_USERNAME and REGISTRY_PASSWORD.");
    }

    private async Task<BuildRecord> PullAsync(
        LayerAction.Registry registry, BuildImageRequest request, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        try
        {
            var credentials = Credentials(registry, request);
            var digest = await Registry.ResolveAsync(registry.Reference, credentials, cancellationToken);
            print(OutputSource.Stdout, Encoding.UTF8.GetBytes($"Pulling {registry.Reference} ({digest})\n"));
            using var image = await Registry.PullAsync(registry.Reference, digest, credentials, cancellationToken);
            return await MakeAsync(
                image.Config,
                async writer =>
                {
                    var root = TreeNode.Directory();
                    foreach (var path in image.Layers)
                    {
                        await using var layer = File.OpenRead(path);
                        await TarLayer.ApplyAsync(root, layer, writer, new LayerLimits(), cancellationToken);
                    }

                    return root;
                },
                cancellationToken);
        }
        catch (Exception e) when (e is RegistryException or LayerException)
        {
            throw new LayerFailedException(e.Message);
        }
    }

    private async Task<BuildRecord> UnpackAsync(LayerAction.Archive archive, CancellationToken cancellationToken)
    {
        await using var content = await blobs.OpenAsync(archive.File.Digest, cancellationToken);
        try
        {
            return await MakeAsync(
                ImageConfig.Empty,
                async writer =>
                {
                    var root = TreeNode.Directory();
                    await TarLayer.ApplyAsync(root, content, writer, new LayerLimits(), cancellationToken);
                    return root;
                },
                cancellationToken);
        }
        catch (LayerException e)
        {
            throw new LayerFailedException($"{archive.File.Path}: {e.Message}");
        }
    }

    // A layer that has none below it.
    private async Task<BuildRecord> MakeAsync(ImageConfig config, Func<ContentWriter, Task<TreeNode>> make, CancellationToken cancellationToken)
    {
        using var writer = new ContentWriter(store.Tier, _catalog);
        return new BuildRecord { Index = await WriteAsync(await make(writer), writer, cancellationToken), Config = config };
    }

    private async Task<BuildRecord> RunAsync(
        ImageLayer layer, LayerAction.Run run, BuildRecord parent, BuildImageRequest request, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        using var context = layer.Files.Count > 0 ? await ContextFolder.MakeAsync(layer.Files, blobs, cancellationToken) : null;
        var binds = context is null ? new Dictionary<string, string>() : new Dictionary<string, string> { [PackageCommands.ContextPath] = context.Path };
        return await RunAsync(parent, new Step(run.Commands, run.Shown, Variables(layer, parent.Config, request), binds, new Dictionary<string, string>(), layer.Gpu), print, cancellationToken);
    }

    private Task<BuildRecord> RunAsync(
        ImageLayer layer, LayerAction.RunFunction function, BuildRecord parent, BuildImageRequest request, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        var call = new FunctionCall(request.Code, function.Function, function.Assembly, function.Arguments);
        return RunAsync(
            parent,
            new Step([], [function.Function], Variables(layer, parent.Config, request), new Dictionary<string, string>(), new Dictionary<string, string>(), layer.Gpu, call), print, cancellationToken);
    }

    /// <summary>Runs commands, or a function, over a layer.</summary>
    /// <exception cref="LayerFailedException">One failed.</exception>
    public async Task<BuildRecord> RunAsync(BuildRecord parent, Step step, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        parent = await EnsureWorkingDirectoryAsync(parent, cancellationToken);
        using var index = await store.OpenIndexAsync(parent.Index, cancellationToken);
        var tail = new OutputTail();
        var request = new StepRequest
        {
            Parent = index,
            Commands = step.Commands,
            Function = step.Function,
            Environment = step.Environment,
            WorkingDirectory = parent.Config.WorkingDirectory ?? "/",
            User = parent.Config.User,
            Binds = step.Binds,
            Caches = step.Caches,
            Gpu = step.Gpu,
        };
        using var result = await sandbox.RunAsync(
            request,
            (source, data) =>
            {
                tail.Add(data.Span);
                print(source, data);
            },
            cancellationToken);
        if (result.Failed >= 0)
        {
            var command = step.Shown[result.Failed];
            throw new LayerFailedException(
                result.Reason.Length > 0 ? $"'{command}' was ended: {result.Reason}." : $"'{command}' ended with exit code {result.ExitCode}.", command, result.ExitCode, tail.ToString());
        }

        return await ChangeAsync(parent, index, (root, writer) => OverlayChanges.ApplyAsync(root, result.UpperFolder, writer, cancellationToken), cancellationToken);
    }

    /// <summary>Changes a layer's files.</summary>
    /// <param name="parent">The layer.</param>
    /// <param name="change">Changes the tree; contents go to the writer.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<BuildRecord> ChangeAsync(BuildRecord parent, Func<TreeNode, ContentWriter, Task> change, CancellationToken cancellationToken)
    {
        using var index = await store.OpenIndexAsync(parent.Index, cancellationToken);
        return await ChangeAsync(parent, index, change, cancellationToken);
    }

    /// <summary>The tree of a layer, to take files from, for the writer of another.</summary>
    public async Task<TreeNode> ReadTreeAsync(BuildRecord record, ContentWriter writer, CancellationToken cancellationToken)
    {
        using var index = await store.OpenIndexAsync(record.Index, cancellationToken);
        _catalog.Add(index);
        writer.Trust(index);
        return TreeNode.FromIndex(index);
    }

    /// <summary>The text of a small file of a layer, such as <c>/etc/passwd</c>; links are followed inside the image.</summary>
    /// <returns>Empty if there is none. What is beyond 4 MiB is left out.</returns>
    public async Task<string> ReadTextAsync(BuildRecord record, string path, CancellationToken cancellationToken)
    {
        using var index = await store.OpenIndexAsync(record.Index, cancellationToken);
        var files = new ImageFiles(store.Tier, index);
        return files.Find(path) is var node and >= 0 && index.GetNode(node).IsFile ? Encoding.UTF8.GetString((await files.ReadAsync(node, MaxTextBytes, cancellationToken)).Span) : "";
    }

    private async Task<BuildRecord> EnsureWorkingDirectoryAsync(BuildRecord record, CancellationToken cancellationToken)
    {
        if (record.Config.WorkingDirectory is not { } path)
        {
            return record;
        }

        using (var index = await store.OpenIndexAsync(record.Index, cancellationToken))
        {
            if (index.Find(path) is var node and >= 0 && index.GetNode(node).IsDirectory)
            {
                return record;
            }
        }

        return await ChangeAsync(record, root => ContainerPaths.EnsureFolder(root, path), cancellationToken);
    }

    private Task<BuildRecord> ChangeAsync(BuildRecord parent, Action<TreeNode> change, CancellationToken cancellationToken) => ChangeAsync(
        parent,
        (root, _) =>
        {
            change(root);
            return Task.CompletedTask;
        },
        cancellationToken);

    private async Task<BuildRecord> ChangeAsync(BuildRecord parent, ImageIndex index, Func<TreeNode, ContentWriter, Task> change, CancellationToken cancellationToken)
    {
        _catalog.Add(index);
        using var writer = new ContentWriter(store.Tier, _catalog);
        writer.Trust(index);
        var root = TreeNode.FromIndex(index);
        await change(root, writer);
        return parent with { Index = await WriteAsync(root, writer, cancellationToken) };
    }

    private static Dictionary<string, string> Variables(ImageLayer layer, ImageConfig config, BuildImageRequest request)
    {
        var variables = new Dictionary<string, string>(config.Environment, StringComparer.Ordinal);
        foreach (var name in layer.Secrets)
        {
            var secret = request.Secrets.FirstOrDefault(s => s.Name == name) ?? throw new LayerFailedException($"The layer names the secret '{name}', which did not come with the request.");
            foreach (var (variable, value) in secret.Variables)
            {
                variables[variable] = value;
            }
        }

        return variables;
    }

    private Task<BuildRecord> CopyAsync(ImageLayer layer, LayerAction.Copy copy, BuildRecord parent, CancellationToken cancellationToken) => ChangeAsync(
        parent, (root, writer) => CopyAsync(layer, copy, root, writer, cancellationToken), cancellationToken);

    private async Task CopyAsync(ImageLayer layer, LayerAction.Copy copy, TreeNode root, ContentWriter writer, CancellationToken cancellationToken)
    {
        if (copy.IsDirectory)
        {
            var folder = ContainerPaths.EnsureFolder(root, copy.Target);
            foreach (var file in layer.Files)
            {
                await AddAsync(root, folder, file.Path, file, writer, cancellationToken);
            }
        }
        else
        {
            // As cp does: into a folder that is there or that the path's last slash means.
            var isFolder = copy.Target.EndsWith('/') || root.Find(copy.Target) is { IsDirectory: true };
            var at = isFolder ? copy.Target.Length : copy.Target.LastIndexOf('/');
            var folder = ContainerPaths.EnsureFolder(root, copy.Target[..at]);
            await AddAsync(root, folder, isFolder ? layer.Files[0].Path.Split('/')[^1] : copy.Target[(at + 1)..], layer.Files[0], writer, cancellationToken);
        }
    }

    /// <summary>Adds a local file to a tree.</summary>
    public async Task AddAsync(TreeNode root, TreeNode folder, string path, ImageFile file, ContentWriter writer, CancellationToken cancellationToken)
    {
        var at = path.LastIndexOf('/');
        if (at >= 0)
        {
            folder = ContainerPaths.EnsureFolder(root, path[..at], folder);
        }

        var name = new TreeName(path[(at + 1)..]);
        if (file.IsDirectory)
        {
            if (!folder.Children.TryGetValue(name, out var there) || !there.IsDirectory)
            {
                folder.Children[name] = TreeNode.Directory((int)file.Mode & 0xFFF);
            }

            return;
        }

        if (file.LinkTarget.Length > 0)
        {
            folder.Children[name] = new TreeNode { Mode = NodeModes.Link | 0b111_111_111, ModifiedSeconds = CopiedSeconds, Target = Encoding.UTF8.GetBytes(file.LinkTarget) };
            return;
        }

        await using var content = await blobs.OpenAsync(file.Digest, cancellationToken);
        folder.Children[name] = new TreeNode
        {
            Mode = NodeModes.File | ((int)file.Mode & 0xFFF),
            ModifiedSeconds = CopiedSeconds,
            Content = await writer.AddAsync(content, cancellationToken),
        };
    }

    private static async Task<string> WriteAsync(TreeNode root, ContentWriter writer, CancellationToken cancellationToken)
    {
        ContainerPaths.Ensure(root);
        using var index = await writer.FinishAsync(root, cancellationToken);
        return index.Name;
    }
}
