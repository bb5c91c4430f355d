using System.Globalization;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>COPY and ADD: files of the context, of another stage or of another image.</summary>
internal static class CopyInstruction
{
    public static async Task ApplyAsync(
        LayerMaker maker, IBlobSource blobs, BuildContext context, StageState state, Instruction instruction, Expansion expansion, BuildRecord? from,
        Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make, CancellationToken cancellationToken)
    {
        var plan = CopyPlan.Make(instruction, state.Record.Config.WorkingDirectory, expansion);
        var sources = from is null ? Find(plan, context.Names, "the context has no '{0}', or its .dockerignore leaves it out.") : [];
        var matched = from is null ? context.Below(sources.Select(static s => s.Path)) : [];
        var step = new ImageLayer { Operation = "dockerfile-copy", Files = { matched } };
        step.Arguments.AddRange([
            instruction.Name, .. plan.Sources.Select(static s => s.Text), plan.Target, plan.Owner, $"{plan.Mode}", $"{plan.Unpacks}",
            .. instruction.AllOf("exclude").Prepend("exclude"), .. plan.Documents.SelectMany(static d => new[] { d.Name, d.Content }).Prepend("documents")]);
        var key = CacheKeys.Of(state.Key, step, from?.IndexId.ToString() ?? "", state.Record.IndexId.ToString());
        var title = $"{instruction.Name} {instruction.Text}";
        var planned = new PlannedLayer(step, title.Length <= 100 ? title : title[..97] + "...", new LayerAction.Instruction(async (parent, _, token) =>
        {
            var owner = await CopyOwner.FindAsync(plan.Owner, path => maker.ReadTextAsync(parent, path, token), plan.Line);
            return await maker.ChangeAsync(parent, async (root, writer) =>
            {
                var source = from is null ? await ContextAsync(maker, matched, writer, token) : await maker.ReadTreeAsync(from, writer, token);
                var found = from is null ? sources : Find(plan, source, "there is no '{0}' to copy.");
                await new Copying(plan, found, owner, root, source, blobs, matched, writer).RunAsync(token);
            }, token);
        }));
        state.Record = await make(key, planned, state.Record);
        state.Key = key;
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static List<(string Name, string Path)> Find(CopyPlan plan, TreeNode root, string message)
    {
        var found = new List<(string, string)>();
        foreach (var source in plan.Sources)
        {
            var paths = source.Find(root);
            found.AddRange(paths.Count > 0 || source.IsOptional ? paths : throw new DockerfileException(plan.Line, string.Format(CultureInfo.InvariantCulture, message, source.Text)));
        }

        return found;
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
}
