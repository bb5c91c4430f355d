using System.Globalization;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Builds the stages of a Dockerfile that its target needs, one layer for each instruction that changes files. One use.</summary>
internal sealed class DockerfileBuilder(
    LayerMaker maker, IBlobSource blobs, LayerAction.Dockerfile definition, ImageLayer layer, BuildImageRequest request,
    Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make)
{
    private const int MaxBytes = 4 * 1024 * 1024;

    private readonly Dictionary<int, (BuildRecord Record, string Key)> _built = [];
    private readonly Dictionary<string, (BuildRecord Record, string Key)> _pulled = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _globals = new(StringComparer.Ordinal);
    private Dockerfile _file = null!;

    /// <summary>Builds it.</summary>
    /// <returns>The last layer, and its key.</returns>
    /// <exception cref="DockerfileException">It is not right.</exception>
    /// <exception cref="LayerFailedException">An instruction failed.</exception>
    public async Task<(BuildRecord Record, string Key)> BuildAsync(CancellationToken cancellationToken)
    {
        _file = DockerfileParser.Parse(await ReadAsync(cancellationToken));
        foreach (var argument in _file.Arguments)
        {
            Declare(argument, _globals, _globals, new Dictionary<string, string>());
        }

        var target = definition.Target is null ? _file.Stages[^1]
            : _file.Find(definition.Target, _file.Stages.Count) ?? throw new DockerfileException(1, $"there is no stage '{definition.Target}'; its stages are {string.Join(", ", _file.Stages.Select(static s => s.Name.Length > 0 ? s.Name : $"{s.Number}"))}.");
        return await StageAsync(target, cancellationToken);
    }

    private async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        var file = layer.Files.First(f => f.Path == definition.Path);
        if (file.SizeBytes > MaxBytes || file.Digest.Length == 0)
        {
            throw new DockerfileException(1, "it is longer than 4 MiB or no file.");
        }

        await using var content = await blobs.OpenAsync(file.Digest, cancellationToken);
        using var reader = new StreamReader(content);
        return await reader.ReadToEndAsync(cancellationToken);
    }

    private async Task<(BuildRecord Record, string Key)> StageAsync(Stage stage, CancellationToken cancellationToken)
    {
        if (_built.TryGetValue(stage.Number, out var built))
        {
            return built;
        }

        var reference = Expansion.Expand(stage.From.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[0], _globals, _file.Escape, stage.From.Line);
        var (record, key) = _file.Find(reference, stage.Number) is { } below ? await StageAsync(below, cancellationToken) : await BaseAsync(reference, stage.From.Line, cancellationToken);
        var state = new StageState(record, key);
        foreach (var instruction in stage.Instructions)
        {
            await ApplyAsync(stage, state, instruction, cancellationToken);
        }

        return _built[stage.Number] = (state.Record, state.Key);
    }

    private async Task<(BuildRecord Record, string Key)> BaseAsync(string reference, int line, CancellationToken cancellationToken)
    {
        if (_pulled.TryGetValue(reference, out var known))
        {
            return known;
        }

        var from = reference == "scratch" ? new ImageLayer { Operation = "from-scratch" } : new ImageLayer { Operation = "from-registry", Arguments = { reference } };
        LayerAction action;
        try
        {
            action = Operations.Lower(from);
        }
        catch (FormatException e)
        {
            throw new DockerfileException(line, e.Message);
        }

        var planned = new PlannedLayer(from, $"FROM {reference}", action);
        var key = CacheKeys.Of("", from, await maker.ResolveAsync(planned, request, cancellationToken));
        return _pulled[reference] = (await make(key, planned, null), key);
    }

    private async Task ApplyAsync(Stage stage, StageState state, Instruction instruction, CancellationToken cancellationToken)
    {
        var line = instruction.Line;
        switch (instruction.Name)
        {
            case "ARG":
                Declare(instruction, state.Arguments, _globals, state.Variables);
                break;
            case "ENV":
                state.Configure(c => c.With(Pairs(Expand(state, instruction), line)));
                break;
            case "WORKDIR":
                var path = Join(state.Record.Config.WorkingDirectory, One(state, instruction));
                state.Configure(c => c with { WorkingDirectory = path });
                break;
            case "USER":
                var user = One(state, instruction);
                state.Configure(c => c with { User = user });
                break;
            case "SHELL":
                var shell = DockerfileParser.JsonForm(instruction.Text) is { Count: > 0 } array ? array : throw new DockerfileException(line, "SHELL takes a JSON array, such as [\"/bin/bash\", \"-c\"].");
                state.Configure(c => c with { Shell = shell });
                break;
            case "ENTRYPOINT":
                var entrypoint = Command(state.Record.Config, instruction.Text);
                state.Configure(c => c with { Entrypoint = entrypoint, Command = [] });
                break;
            case "CMD":
                var command = Command(state.Record.Config, instruction.Text);
                state.Configure(c => c with { Command = command });
                break;
            case "RUN":
                await RunInstruction.ApplyAsync(maker, blobs, layer, request, _file, state, instruction, make, cancellationToken);
                break;
            case "COPY" or "ADD":
                await CopyInstruction.ApplyAsync(maker, blobs, layer, _file, state, instruction, name => SourceAsync(name, stage, line, cancellationToken), make, cancellationToken);
                break;
            default:
                // LABEL, EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, MAINTAINER, ONBUILD: about how an image is run or shown by others.
                break;
        }
    }

    private async Task<BuildRecord> SourceAsync(string name, Stage stage, int line, CancellationToken cancellationToken) =>
        (_file.Find(name, stage.Number) is { } earlier ? await StageAsync(earlier, cancellationToken) : await BaseAsync(name, line, cancellationToken)).Record;

    private void Declare(Instruction instruction, Dictionary<string, string> arguments, Dictionary<string, string> globals, IReadOnlyDictionary<string, string> variables)
    {
        var known = new Dictionary<string, string>(variables, StringComparer.Ordinal);
        foreach (var (n, v) in arguments)
        {
            known[n] = v;
        }

        foreach (var word in Expansion.Words(Expansion.Expand(instruction.Text, known, _file.Escape, instruction.Line), _file.Escape, instruction.Line))
        {
            var at = word.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? word : word[..at];
            if (definition.Arguments.TryGetValue(name, out var given))
            {
                arguments[name] = given;
            }
            else if (at >= 0)
            {
                arguments[name] = word[(at + 1)..];
            }
            else if (globals.TryGetValue(name, out var global))
            {
                arguments[name] = global;
            }
        }
    }

    private string Expand(StageState state, Instruction instruction) => Expansion.Expand(instruction.Text, state.Variables, _file.Escape, instruction.Line);

    private string One(StageState state, Instruction instruction)
    {
        var words = Expansion.Words(Expand(state, instruction), _file.Escape, instruction.Line);
        return words.Count == 1 ? words[0] : throw new DockerfileException(instruction.Line, $"{instruction.Name} takes one argument, not {words.Count.ToString(CultureInfo.InvariantCulture)}.");
    }

    private List<KeyValuePair<string, string>> Pairs(string text, int line)
    {
        var words = Expansion.Words(text, _file.Escape, line);
        if (words.Count > 0 && !words[0].Contains('=', StringComparison.Ordinal))
        {
            // The old form: ENV name the rest.
            var rest = text.TrimStart();
            var space = rest.AsSpan().IndexOfAny(' ', '\t');
            return space > 0 ? [KeyValuePair.Create(words[0], rest[space..].Trim())] : throw new DockerfileException(line, $"ENV {text} gives the variable no value.");
        }

        return words.Count == 0 ? throw new DockerfileException(line, "ENV names no variable.")
            : [.. words.Select(w => w.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? KeyValuePair.Create(w[..at], w[(at + 1)..]) : throw new DockerfileException(line, $"'{w}' is not NAME=VALUE."))];
    }

    private static IReadOnlyList<string> Command(ImageConfig config, string text) => DockerfileParser.JsonForm(text) ?? (text.Length == 0 ? [] : [.. config.Shell, text]);

    /// <summary>A path that may be relative to the working directory.</summary>
    internal static string Join(string? workingDirectory, string path)
    {
        var parts = new List<string>();
        foreach (var part in (path.StartsWith('/') ? path : $"{workingDirectory ?? "/"}/{path}").Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                parts.RemoveRange(Math.Max(0, parts.Count - 1), Math.Min(1, parts.Count));
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }
}
