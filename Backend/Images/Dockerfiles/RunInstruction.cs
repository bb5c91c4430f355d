using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>RUN: a command whose changes are a layer.</summary>
internal static class RunInstruction
{
    public static async Task ApplyAsync(
        LayerMaker maker, IBlobSource blobs, ImageLayer layer, BuildImageRequest request, Dockerfile file, StageState state, Instruction instruction,
        Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make, CancellationToken cancellationToken)
    {
        var config = state.Record.Config;
        var argv = Command(config, instruction);
        var mounts = instruction.Flags.Where(static f => f.Key == "mount").Select(f => RunMount.Parse(Expansion.Expand(f.Value, state.Variables, file.Escape, instruction.Line), config.WorkingDirectory, instruction.Line)).ToList();
        var environment = state.Variables;
        var files = mounts.Exists(static m => m.Type == "bind") ? layer.Files.Where(static f => f.Path.Length > 0).ToList() : [];

        // All that the command can see: its variables, user and folder are settings, which are no layers of their own.
        var step = new ImageLayer { Operation = "dockerfile-run", Files = { files } };
        step.Arguments.AddRange(argv);
        step.Options.AddRange(environment.OrderBy(static v => v.Key, StringComparer.Ordinal).Select(static v => new ImageOption { Name = v.Key, Value = v.Value }));
        var key = CacheKeys.Of(state.Key, step, config.User ?? "", config.WorkingDirectory ?? "", state.Record.IndexId.ToString(), string.Join('\n', mounts));
        var shown = $"RUN {instruction.Text}";
        var planned = new PlannedLayer(step, shown.Length <= 100 ? shown : shown[..97] + "...", new LayerAction.Instruction((parent, print, token) => RunAsync(maker, blobs, files, request, parent, argv, shown, environment, mounts, instruction.Line, print, token)));
        state.Record = await make(key, planned, state.Record);
        state.Key = key;
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static IReadOnlyList<string> Command(ImageConfig config, Instruction instruction)
    {
        if (instruction.Documents.Count == 0)
        {
            return DockerfileParser.JsonForm(instruction.Text)
                ?? (instruction.Text.Length > 0 ? [.. config.Shell, instruction.Text] : throw new DockerfileException(instruction.Line, "RUN has no command."));
        }

        var document = instruction.Documents[0];
        if (!instruction.Text.StartsWith("<<", StringComparison.Ordinal) || instruction.Documents.Count > 1)
        {
            // cat <<EOF > file: the shell knows what to do with it.
            return [.. config.Shell, instruction.Text + "\n" + string.Concat(instruction.Documents.Select(static d => $"{d.Content}{d.Name}\n"))];
        }

        if (!document.Content.StartsWith("#!", StringComparison.Ordinal))
        {
            return [.. config.Shell, document.Content];
        }

        var end = document.Content.IndexOf('\n', StringComparison.Ordinal);
        return [.. config.Shell, $"{document.Content[2..end].Trim()} - <<'MODAL_SCRIPT'\n{document.Content}MODAL_SCRIPT\n"];
    }

    private static async Task<BuildRecord> RunAsync(
        LayerMaker maker, IBlobSource blobs, List<ImageFile> files, BuildImageRequest request, BuildRecord parent, IReadOnlyList<string> argv, string shown,
        IReadOnlyDictionary<string, string> environment, IReadOnlyList<RunMount> mounts, int line, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        using var context = files.Count > 0 ? await ContextFolder.MakeAsync(files, blobs, cancellationToken) : null;
        using var secrets = new SecretFiles();
        var (binds, caches) = (new Dictionary<string, string>(StringComparer.Ordinal), new Dictionary<string, string>(StringComparer.Ordinal));
        var variables = new Dictionary<string, string>(environment, StringComparer.Ordinal);
        foreach (var mount in mounts)
        {
            switch (mount.Type)
            {
                case "cache":
                    caches[mount.Target] = mount.Id;
                    break;
                case "bind":
                    var source = Path.Combine(context!.Path, mount.Source.TrimStart('/'));
                    binds[mount.Target] = File.Exists(source) || Directory.Exists(source) ? source : throw new DockerfileException(line, $"the context has no '{mount.Source}' to mount.");
                    break;
                case "secret":
                    var secret = request.Secrets.FirstOrDefault(s => s.Name == mount.Id);
                    if (secret is null && mount.IsRequired)
                    {
                        throw new DockerfileException(line, $"the secret '{mount.Id}' is required and did not come with the request.");
                    }

                    if (secret is not null)
                    {
                        var value = secret.Variables.Count == 1 ? secret.Variables.Values.First() : string.Concat(secret.Variables.OrderBy(static v => v.Key, StringComparer.Ordinal).Select(static v => $"{v.Key}={v.Value}\n"));
                        binds[mount.Target] = secrets.Add(value);
                    }

                    break;
            }
        }

        return await maker.RunAsync(parent, new Step([argv], [shown], variables, binds, caches), print, cancellationToken);
    }
}
