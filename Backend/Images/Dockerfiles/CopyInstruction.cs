using System.Globalization;
using System.IO.Enumeration;
using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>COPY and ADD: files of the context, of another stage or of another image.</summary>
internal static class CopyInstruction
{
    public static async Task ApplyAsync(
        LayerMaker maker, IBlobSource blobs, ImageLayer layer, Dockerfile file, StageState state, Instruction instruction, Func<string, Task<BuildRecord>> find,
        Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make, CancellationToken cancellationToken)
    {
        var line = instruction.Line;
        var text = Expansion.Expand(instruction.Text, state.Variables, file.Escape, line);
        var words = DockerfileParser.JsonForm(text) ?? Expansion.Words(text, file.Escape, line);
        if (words.Count < 2)
        {
            throw new DockerfileException(line, $"{instruction.Name} takes at least one source and a destination.");
        }

        var (sources, destination) = (words.Take(words.Count - 1).ToList(), words[^1]);
        var url = sources.Find(static s => s.Contains("://", StringComparison.Ordinal));
        if (url is not null)
        {
            throw new DockerfileException(line, $"ADD does not download {url}: RUN curl with a checksum, so that the layer says what it has.");
        }

        var from = instruction.Flag("from") is { } name ? await find(Expansion.Expand(name, state.Variables, file.Escape, line)) : null;
        var documents = instruction.Documents.ToDictionary(d => $"<<{d.Name}", d => d.IsExpanded ? Expansion.Expand(d.Content, state.Variables, file.Escape, line) : d.Content, StringComparer.Ordinal);
        sources = [.. sources.Select(static s => s.StartsWith("<<", StringComparison.Ordinal) ? $"<<{s.TrimStart('<').TrimStart('-').Trim('"', '\'')}" : s)];
        var matched = from is null ? Matching(layer.Files, sources.Where(s => !documents.ContainsKey(s)), line) : [];
        var (owner, mode) = (Expansion.Expand(instruction.Flag("chown") ?? "", state.Variables, file.Escape, line), instruction.Flag("chmod") ?? "");
        var target = DockerfileBuilder.Join(state.Record.Config.WorkingDirectory, destination) + (destination.EndsWith('/') || destination is "." or "./" ? "/" : "");
        var plan = new CopyPlan(instruction.Name == "ADD", sources, target, owner, mode, documents, line);

        var step = new ImageLayer { Operation = "dockerfile-copy", Files = { matched } };
        step.Arguments.AddRange([instruction.Name, .. sources, target, owner, mode, .. documents.Values]);
        var key = CacheKeys.Of(state.Key, step, from?.IndexId.ToString() ?? "", state.Record.IndexId.ToString());
        var title = $"{instruction.Name} {instruction.Text}";
        var planned = new PlannedLayer(step, title.Length <= 100 ? title : title[..97] + "...", new LayerAction.Instruction(async (parent, _, token) =>
        {
            return await maker.ChangeAsync(parent, async (root, writer) =>
            {
                var source = from is null ? await ContextAsync(maker, matched, writer, token) : await maker.ReadTreeAsync(from, writer, token);
                await new Copying(plan, root, source, blobs, matched, writer).RunAsync(token);
            }, token);
        }));
        state.Record = await make(key, planned, state.Record);
        state.Key = key;
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Whether a path lies at or below what a source names.</summary>
    internal static bool Matches(string pattern, string path)
    {
        pattern = DockerfileBuilder.Join("/", pattern).TrimStart('/');
        if (pattern.Length == 0)
        {
            return true;
        }

        var depth = pattern.Split('/').Length;
        var parts = path.Split('/');
        return parts.Length >= depth && pattern.Split('/').Zip(parts).All(static p => FileSystemName.MatchesSimpleExpression(p.First, p.Second, ignoreCase: false));
    }

    private static List<ImageFile> Matching(IEnumerable<ImageFile> files, IEnumerable<string> sources, int line)
    {
        var all = files.ToList();
        var found = new List<ImageFile>();
        foreach (var source in sources)
        {
            var matching = all.Where(f => Matches(source, f.Path)).ToList();
            if (matching.Count == 0)
            {
                throw new DockerfileException(line, $"the context has no '{source}', or its .dockerignore leaves it out.");
            }

            found.AddRange(matching);
        }

        return [.. found.DistinctBy(static f => f.Path).OrderBy(static f => f.Path, StringComparer.Ordinal)];
    }

    private static async Task<TreeNode> ContextAsync(LayerMaker maker, IReadOnlyList<ImageFile> files, ContentWriter writer, CancellationToken cancellationToken)
    {
        var root = TreeNode.Directory();
        foreach (var file in files)
        {
            await maker.AddAsync(root, root, file.Path, file, writer, cancellationToken);
        }

        return root;
    }

    private sealed record CopyPlan(
        bool IsAdd, IReadOnlyList<string> Sources, string Target, string Owner, string Mode, IReadOnlyDictionary<string, string> Documents, int Line);

    private sealed class Copying(CopyPlan plan, TreeNode root, TreeNode source, IBlobSource blobs, IReadOnlyList<ImageFile> files, ContentWriter writer)
    {
        private readonly (uint Uid, uint Gid) _owner = Owner(plan);
        private readonly int? _mode = Mode(plan);

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            var found = plan.Sources.SelectMany(Find).ToList();
            var toFolder = plan.Target.EndsWith('/') || found.Count > 1 || (root.Find(plan.Target) is { IsDirectory: true } && !found[0].Node.IsDirectory);
            foreach (var (path, node) in found)
            {
                if (node.IsDirectory)
                {
                    // What is in it, as docker does, not the folder itself.
                    Merge(ContainerPaths.EnsureFolder(root, plan.Target), node);
                }
                else if (plan.IsAdd && files.FirstOrDefault(f => f.Path == path) is { Digest.Length: > 0 } file && await IsArchiveAsync(file, cancellationToken))
                {
                    await using var archive = await blobs.OpenAsync(file.Digest, cancellationToken);
                    await TarLayer.ApplyAsync(ContainerPaths.EnsureFolder(root, plan.Target), archive, writer, new LayerLimits(), cancellationToken);
                }
                else
                {
                    Put(path, node, toFolder);
                }
            }

            foreach (var (mark, content) in plan.Documents.Where(d => plan.Sources.Contains(d.Key)))
            {
                using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(content));
                var node = new TreeNode { Mode = NodeModes.File | 0b110_100_100, Content = await writer.AddAsync(bytes, cancellationToken) };
                Put(mark[2..], node, plan.Target.EndsWith('/'));
            }
        }

        private IEnumerable<(string Path, TreeNode Node)> Find(string pattern)
        {
            if (plan.Documents.ContainsKey(pattern))
            {
                return [];
            }

            var found = new List<(string, TreeNode)>();
            Walk(source, "", DockerfileBuilder.Join("/", pattern).Split('/', StringSplitOptions.RemoveEmptyEntries), 0, found);
            return found.Count > 0 ? found : throw new DockerfileException(plan.Line, $"there is no '{pattern}' to copy.");
        }

        private static void Walk(TreeNode node, string path, string[] parts, int depth, List<(string Path, TreeNode Node)> found)
        {
            if (depth == parts.Length)
            {
                found.Add((path.TrimStart('/'), node));
                return;
            }

            foreach (var (name, child) in node.IsDirectory ? node.Children : [])
            {
                if (FileSystemName.MatchesSimpleExpression(parts[depth], name.ToString(), ignoreCase: false))
                {
                    Walk(child, $"{path}/{name}", parts, depth + 1, found);
                }
            }
        }

        private void Put(string path, TreeNode node, bool toFolder)
        {
            var target = toFolder ? $"{plan.Target.TrimEnd('/')}/{path.Split('/')[^1]}" : plan.Target;
            var at = target.LastIndexOf('/');
            ContainerPaths.EnsureFolder(root, target[..at]).Children[new TreeName(target[(at + 1)..])] = Copy(node);
        }

        private void Merge(TreeNode target, TreeNode folder)
        {
            foreach (var (name, child) in folder.Children)
            {
                if (!child.IsDirectory)
                {
                    target.Children[name] = Copy(child);
                    continue;
                }

                if (!target.Children.TryGetValue(name, out var there) || !there.IsDirectory)
                {
                    target.Children[name] = there = Copy(child);
                }

                Merge(there, child);
            }
        }

        // Without children.
        private TreeNode Copy(TreeNode node) => new()
        {
            Mode = _mode is { } mode && !node.IsLink ? (node.Mode & NodeModes.KindMask) | mode : node.Mode,
            Uid = _owner.Uid,
            Gid = _owner.Gid,
            ModifiedSeconds = node.ModifiedSeconds,
            ModifiedNanoseconds = node.ModifiedNanoseconds,
            Target = node.Target,
            Content = node.Content,
            Attributes = node.Attributes,
        };

        private async Task<bool> IsArchiveAsync(ImageFile file, CancellationToken cancellationToken)
        {
            await using var content = await blobs.OpenAsync(file.Digest, cancellationToken);
            var head = new byte[262];
            var length = await content.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
            return length >= 4 && (head is [0x1F, 0x8B, ..] or [0x28, 0xB5, 0x2F, 0xFD, ..] || (length == 262 && head.AsSpan(257, 5).SequenceEqual("ustar"u8)));
        }

        private static (uint Uid, uint Gid) Owner(CopyPlan plan)
        {
            if (plan.Owner.Length == 0)
            {
                return (0, 0);
            }

            var parts = plan.Owner.Split(':', 2);
            return uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var uid) && uint.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var gid)
                ? (uid, gid)
                : plan.Owner is "root" or "root:root" ? (0u, 0u)
                : throw new DockerfileException(plan.Line, $"--chown={plan.Owner}: numbers are needed here, such as 1000:1000, or RUN chown with names.");
        }

        private static int? Mode(CopyPlan plan)
        {
            try
            {
                return plan.Mode.Length == 0 ? null : Convert.ToInt32(plan.Mode, 8) & 0xFFF;
            }
            catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
            {
                throw new DockerfileException(plan.Line, $"--chmod={plan.Mode} is no octal number such as 755.");
            }
        }
    }
}
