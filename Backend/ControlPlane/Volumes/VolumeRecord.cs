using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>A volume as the database has it. The names are those of the columns.</summary>
/// <param name="Volume_id">Its id.</param>
/// <param name="Environment">Where its name counts.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">From 1; one more with every change.</param>
/// <param name="Index_name">The index with its files.</param>
/// <param name="Created_ms">Unix time.</param>
/// <param name="Changed_ms">Unix time of this version.</param>
#pragma warning disable CA1707 // Dapper fills the constructor by the columns' names.
internal sealed record VolumeRecord(string Volume_id, string Environment, string Name, long Version, string Index_name, long Created_ms, long Changed_ms)
#pragma warning restore CA1707
{
    public VolumeInfo ToInfo() => new()
    {
        VolumeId = Volume_id,
        Environment = Environment,
        Name = Name,
        Version = Version,
        CreatedUnixMs = Created_ms,
        ChangedUnixMs = Changed_ms,
    };

    public VolumeVersion ToVersion() => new() { Version = Version, Index = Index_name };
}
