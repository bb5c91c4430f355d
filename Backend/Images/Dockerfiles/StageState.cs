using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Where the build of a stage is.</summary>
internal sealed class StageState(BuildRecord record, string key)
{
    public BuildRecord Record { get; set; } = record;

    public string Key { get; set; } = key;

    public Dictionary<string, string> Arguments { get; } = new(StringComparer.Ordinal);

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
}
