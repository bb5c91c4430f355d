using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Where the build of a stage is.</summary>
/// <param name="record">What it begins with.</param>
/// <param name="key">Its key.</param>
/// <param name="parent">The stage that it begins with: its arguments are this one's too. Null if it begins with an image.</param>
internal sealed class StageState(BuildRecord record, string key, StageState? parent = null)
{
    // What a program can be given altogether (execve(2)): a quarter of the stack of 8 MiB; a variable has a terminator and a pointer beside.
    private const int MaxTotalBytes = 2 * 1024 * 1024;
    private const int Overhead = 10;

    // Each ENV and ARG copies them all.
    private const int MaxVariables = 4096;

    public BuildRecord Record { get; set; } = record;

    public string Key { get; set; } = key;

    public Dictionary<string, string> Arguments { get; } = new(parent?.Arguments ?? [], StringComparer.Ordinal);

    /// <summary>What stages that begin with this one do first.</summary>
    public List<Instruction> Triggers { get; } = [];

    /// <summary>What a <c>$name</c> can mean: the image's variables win over the arguments.</summary>
    public IReadOnlyDictionary<string, string> Variables
    {
        get
        {
            var all = new Dictionary<string, string>(Arguments, StringComparer.Ordinal);
            foreach (var (name, value) in Record.Config.Environment)
            {
                all[name] = value;
            }

            return all;
        }
    }

    public void Configure(Func<ImageConfig, ImageConfig> change) => Record = Record with { Config = change(Record.Config) };

    /// <exception cref="DockerfileException">No program could be given these.</exception>
    public static void Check(IReadOnlyDictionary<string, string> variables, int line)
    {
        if (variables.Count > MaxVariables)
        {
            throw new DockerfileException(line, $"with this there are more than {MaxVariables} variables.");
        }

        var total = 0L;
        foreach (var (name, value) in variables)
        {
            var bytes = Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value) + 2;
            if (bytes > Expansion.MaxValueLength)
            {
                throw new DockerfileException(line, $"the variable {(name.Length <= 60 ? name : name[..57] + "...")} has {bytes} bytes; {Expansion.MaxValueLength} ({Expansion.MaxValueLength / 1024} KiB) are all that a program can be given in one.");
            }

            total += bytes + Overhead;
        }

        if (total > MaxTotalBytes)
        {
            throw new DockerfileException(line, $"all variables together have {total} bytes; {MaxTotalBytes} (2 MiB) are all that a program can be given.");
        }
    }
}
