using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Builds the stages of a Dockerfile that its target needs, one layer for each instruction that changes files. One use.</summary>
internal sealed class DockerfileBuilder(
    LayerMaker maker, IBlobSource blobs, LayerAction.Dockerfile definition, ImageLayer layer, BuildImageRequest request,
    Func<string, PlannedLayer, BuildRecord?, Task<BuildRecord>> make, Action<string> warn)
{
    private const int MaxBytes = 4 * 1024 * 1024;

    private readonly Dictionary<int, StageState> _built = [];
    private readonly Dictionary<string, (BuildRecord Record, string Key)> _pulled = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _globals = BuildArguments.Globals(definition.Arguments, definition.Target);
    private readonly Dictionary<string, string> _proxies = BuildArguments.Proxies(definition.Arguments);

    // The Dockerfile is the builder's, and no part of what COPY sees: one that is in the context comes under its own name as well.
    private readonly BuildContext _context = new(layer.Files.Where(f => f.Path != definition.Path));
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
            Declare(argument, _globals, new Dictionary<string, string>(_globals, StringComparer.Ordinal));
        }

        // Each time, also if nothing is built: a misspelt argument is why nothing is.
        if (BuildArguments.Unknown(definition.Arguments, _file) is { Count: > 0 } unknown)
        {
            warn($"The Dockerfile declares no ARG {string.Join(", ", unknown)}: what was given for {(unknown.Count == 1 ? "it" : "them")} has no effect.");
        }

        var target = definition.Target is null ? _file.Stages[^1]
            : _file.Find(definition.Target, _file.Stages.Count) ?? throw new DockerfileException(1, $"there is no stage '{definition.Target}'; its stages are {string.Join(", ", _file.Stages.Select(static s => s.Name.Length > 0 ? s.Name : $"{s.Number}"))}.");

        // In the file's order, and not by recursion: a long chain of stages must not fill the stack.
        foreach (var number in Needed(target))
        {
            _built[number] = await StageAsync(_file.Stages[number], cancellationToken);
        }

        return (_built[target.Number].Record, _built[target.Number].Key);
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

    private SortedSet<int> Needed(Stage target)
    {
        var (needed, left) = (new SortedSet<int>(), new Stack<Stage>([target]));
        while (left.TryPop(out var stage))
        {
            if (needed.Add(stage.Number))
            {
                var names = stage.Instructions.Where(static i => i.Name == "COPY").Select(i => Source(i, stage)).OfType<string>().Prepend(Reference(stage));
                names.Select(n => _file.Find(n, stage.Number)).OfType<Stage>().ToList().ForEach(left.Push);
            }
        }

        return needed;
    }

    private string Reference(Stage stage)
    {
        var from = stage.From;
        var expansion = new Expansion(_globals, _file.Escape, from.Line);
        var platform = expansion.Word(from.Flag("platform") ?? "");
        if (platform is not ("" or BuildArguments.Platform or "linux/x86_64" or "amd64"))
        {
            throw new DockerfileException(from.Line, $"FROM --platform={platform} is not possible here: images are for {BuildArguments.Platform}.");
        }

        return expansion.Word(Words.Plain(from.Text)[0]) is { Length: > 0 } reference ? reference
            : throw new DockerfileException(from.Line, $"'FROM {from.Text}' names no image: only an ARG before the first FROM, with a default or a value given, has a value here.");
    }

    // What a COPY takes from; null for the context.
    private string? Source(Instruction copy, Stage stage)
    {
        if (copy.Flag("from") is not { } name)
        {
            return null;
        }

        if (name.Contains('$', StringComparison.Ordinal))
        {
            throw new DockerfileException(copy.Line, $"COPY --from={name}: variables have no values here. Write FROM {name} AS a-name before, with an ARG before the first FROM, and --from=a-name.");
        }

        return !name.All(char.IsAsciiDigit) || _file.Find(name, stage.Number) is not null ? name : throw new DockerfileException(copy.Line, $"COPY --from={name}: there is no stage {name} before this one; they are counted from 0.");
    }

    private async Task<StageState> StageAsync(Stage stage, CancellationToken cancellationToken)
    {
        var reference = Reference(stage);
        var below = _file.Find(reference, stage.Number) is { } earlier ? _built[earlier.Number] : null;
        var (record, key) = below is null ? await BaseAsync(reference, stage.From.Line, cancellationToken) : (below.Record, below.Key);
        var state = new StageState(record, key, below);
        foreach (var instruction in (below?.Triggers ?? []).Concat(stage.Instructions))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await ApplyAsync(stage, state, instruction, cancellationToken);
        }

        return state;
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
        var (line, text) = (instruction.Line, instruction.Text);
        var expansion = new Expansion(state.Variables, _file.Escape, line);
        switch (instruction.Name)
        {
            case "ARG":
                Declare(instruction, state.Arguments, new Dictionary<string, string>(state.Variables, StringComparer.Ordinal), state.Record.Config.Environment);
                break;
            case "ENV":
                var pairs = Pairs(instruction, expansion);
                state.Configure(c => c.With(pairs));
                StageState.Check(state.Variables, line);
                break;
            case "WORKDIR":
                var path = Join(state.Record.Config.WorkingDirectory, Value(instruction, expansion));
                state.Configure(c => c with { WorkingDirectory = path });
                break;
            case "USER":
                var user = Value(instruction, expansion);
                state.Configure(c => c with { User = user });
                break;
            case "SHELL":
                var shell = instruction.Json is { Count: > 0 } array ? array : throw new DockerfileException(line, "SHELL takes a JSON array, such as [\"/bin/bash\", \"-c\"].");
                state.Configure(c => c with { Shell = shell });
                break;
            case "ENTRYPOINT":
                var entrypoint = Command(state.Record.Config, instruction);
                state.Configure(c => c with { Entrypoint = entrypoint, Command = [] });
                break;
            case "CMD":
                var command = Command(state.Record.Config, instruction);
                state.Configure(c => c with { Command = command });
                break;
            case "RUN":
                await RunInstruction.ApplyAsync(maker, blobs, _context, request, state, instruction, expansion, _proxies, make, cancellationToken);
                break;
            case "COPY" or "ADD":
                var from = Source(instruction, stage) is { } name ? _file.Find(name, stage.Number) is { } earlier ? _built[earlier.Number].Record : (await BaseAsync(name, line, cancellationToken)).Record : null;
                await CopyInstruction.ApplyAsync(maker, blobs, _context, state, instruction, expansion, from, make, cancellationToken);
                break;
            case "ONBUILD":
                state.Triggers.Add(instruction.Trigger!);
                break;

            // About how an image is run or shown by others: checked, and no more.
            case "LABEL":
                Pairs(instruction, expansion);
                break;
            case "VOLUME" or "EXPOSE":
                var words = (instruction.Json ?? Words.Plain(text)).Select(expansion.Word).ToList();
                _ = words.Count > 0 && words.TrueForAll(static w => !string.IsNullOrWhiteSpace(w)) ? words : throw new DockerfileException(line, $"{instruction.Name} takes at least one argument, and none may be empty.");
                break;
            case "STOPSIGNAL":
                Value(instruction, expansion);
                break;
            default:
                _ = text.Length > 0 ? text : throw new DockerfileException(line, $"{instruction.Name} has no argument.");
                break;
        }
    }

    // One after the other: a value can hold an argument that stands before it.
    private void Declare(Instruction instruction, Dictionary<string, string> arguments, Dictionary<string, string> known, IReadOnlyDictionary<string, string>? environment = null)
    {
        var expansion = new Expansion(known, _file.Escape, instruction.Line);
        var words = Words.Split(instruction.Text, _file.Escape);
        foreach (var word in words)
        {
            var at = word.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? word : word[..at];
            var value = definition.Arguments.TryGetValue(name, out var given) ? given : at >= 0 ? expansion.Word(word[(at + 1)..]) : _globals.GetValueOrDefault(name);
            if (name.Length == 0)
            {
                throw new DockerfileException(instruction.Line, $"ARG {instruction.Text} has a value without a name.");
            }

            if (value is not null)
            {
                arguments[name] = value;
                known[name] = environment?.GetValueOrDefault(name) ?? value;
            }
        }

        StageState.Check(words.Count > 0 ? known : throw new DockerfileException(instruction.Line, "ARG names no argument."), instruction.Line);
    }

    // All of them see the values from before the instruction.
    private List<KeyValuePair<string, string>> Pairs(Instruction instruction, Expansion expansion)
    {
        var (line, name) = (instruction.Line, instruction.Name);
        var words = Words.Split(instruction.Text, _file.Escape);
        if (words.Count == 0)
        {
            throw new DockerfileException(line, $"{name} has no NAME=VALUE.");
        }

        // The old form: name, and the rest is one value.
        var pairs = words[0].Contains('=', StringComparison.Ordinal)
            ? words.Select(w => w.IndexOf('=', StringComparison.Ordinal) is var at and >= 0 ? (w[..at], w[(at + 1)..]) : throw new DockerfileException(line, $"'{w}' is not NAME=VALUE; a value with spaces must be in quotes."))
            : [Words.First(instruction.Text) is (var first, { Length: > 0 } rest) ? (first, rest) : throw new DockerfileException(line, $"{name} {instruction.Text} gives no value.")];
        return [.. pairs.Select(p => KeyValuePair.Create(
            expansion.Word(p.Item1) is { Length: > 0 } key ? key : throw new DockerfileException(line, $"{name} {instruction.Text} has a value without a name."), expansion.Word(p.Item2)))];
    }

    // The whole text, spaces and all.
    private static string Value(Instruction instruction, Expansion expansion) =>
        expansion.Word(instruction.Text) is { Length: > 0 } value ? value : throw new DockerfileException(instruction.Line, $"{instruction.Name} takes one argument, and it must not be empty.");

    private static IReadOnlyList<string> Command(ImageConfig config, Instruction instruction) =>
        instruction.Json ?? (instruction.Text.Length == 0 ? (IReadOnlyList<string>)[] : [.. config.Shell, instruction.Text]);

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
