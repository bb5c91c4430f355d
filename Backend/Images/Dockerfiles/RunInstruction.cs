using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>RUN: a command whose changes are a layer.</summary>
internal static class RunInstruction
{
    public static async Task ApplyAsync(
        LayerMaker maker, IBlobSource blobs, BuildContext context, BuildImageRequest request, StageState state, Instruction instruction, Expansion expansion,
        IReadOnlyDictionary<string, string> proxies, Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make, CancellationToken cancellationToken)
    {
        var config = state.Record.Config;
        var argv = Command(config, instruction);
        var mounts = instruction.AllOf("mount").Select(m => RunMount.Parse(m, expansion.Word, config.WorkingDirectory, instruction.Line)).ToList();
        var declared = state.Variables;
        var files = mounts.Exists(static m => m.Type == "bind") ? context.Files.ToList() : [];

        // All that the command can see: its variables, user and folder are settings, which are no layers of their own.
        var step = new ImageLayer { Operation = "dockerfile-run", Files = { files } };
        step.Arguments.AddRange(argv);
        step.Options.AddRange(declared.OrderBy(static v => v.Key, StringComparer.Ordinal).Select(static v => new ImageOption { Name = v.Key, Value = v.Value }));
        var key = CacheKeys.Of(state.Key, step, config.User ?? "", config.WorkingDirectory ?? "", state.Record.IndexId.ToString(), string.Join('\n', mounts));
        var environment = new Dictionary<string, string>(proxies, StringComparer.Ordinal);
        foreach (var (name, value) in declared)
        {
            environment[name] = value;
        }

        StageState.Check(environment, instruction.Line);
        var shown = $"RUN {instruction.Text}";
        var planned = new PlannedLayer(step, shown.Length <= 100 ? shown : shown[..97] + "...", new LayerAction.Instruction((parent, print, token) => RunAsync(maker, blobs, files, request, parent, argv, shown, environment, mounts, instruction.Line, print, token)));
        state.Record = await make(key, planned, state.Record);
        state.Key = key;
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static IReadOnlyList<string> Command(ImageConfig config, Instruction instruction)
    {
        var command = instruction.Json ?? [.. config.Shell, Script(instruction)];
        return command.Count == 0 || instruction.Text.Length == 0 ? throw new DockerfileException(instruction.Line, "RUN has no command.")
            : command.FirstOrDefault(static c => Encoding.UTF8.GetByteCount(c) >= Expansion.MaxValueLength) is null ? command
            : throw new DockerfileException(instruction.Line, $"the command is longer than {Expansion.MaxValueLength / 1024} KiB, which is all that a program can be given in one argument: COPY it as a script and run that.");
    }

    // Variables in it are the shell's matter, whether the mark was quoted or not.
    private static string Script(Instruction instruction)
    {
        if (instruction.Documents is not [var document] || HereDocument.Mark(instruction.Text) is null)
        {
            // cat <<EOF > file: the shell knows what to do with it, also with tabs.
            return string.Join('\n', instruction.Documents.Select(static d => d.Raw + d.Name).Prepend(instruction.Text));
        }

        var content = document.Content;
        if (!content.StartsWith("#!", StringComparison.Ordinal))
        {
            return content;
        }

        // An end that is no line of it.
        var end = "MODAL_SCRIPT";
        while (content.Contains($"\n{end}\n", StringComparison.Ordinal))
        {
            end += "_";
        }

        return $"{content[2..content.IndexOf('\n', StringComparison.Ordinal)].Trim()} - <<'{end}'\n{content}{end}\n";
    }

    private static async Task<BuildRecord> RunAsync(
        LayerMaker maker, IBlobSource blobs, List<ImageFile> files, BuildImageRequest request, BuildRecord parent, IReadOnlyList<string> argv, string shown,
        IReadOnlyDictionary<string, string> environment, IReadOnlyList<RunMount> mounts, int line, Action<OutputSource, ReadOnlyMemory<byte>> print, CancellationToken cancellationToken)
    {
        using var context = mounts.Any(static m => m.Type == "bind") ? await ContextFolder.MakeAsync(files, blobs, cancellationToken) : null;
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
