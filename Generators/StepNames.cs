namespace Modal.Generators;

/// <summary>Names of the pipeline's steps, for the tests that watch what is cached.</summary>
internal static class StepNames
{
    public const string Functions = nameof(Functions);
    public const string Services = nameof(Services);
    public const string Diagnostics = nameof(Diagnostics);
    public const string Units = nameof(Units);
    public const string Unit = nameof(Unit);
    public const string Assembly = nameof(Assembly);
    public const string Codecs = nameof(Codecs);
    public const string StoredTypes = nameof(StoredTypes);

    public static IReadOnlyList<string> All { get; } = [Functions, Services, Diagnostics, Units, Unit, Assembly, Codecs, StoredTypes];
}
