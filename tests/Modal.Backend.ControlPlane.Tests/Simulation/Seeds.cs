using System.Globalization;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Which seeds are run.</summary>
internal static class Seeds
{
    public const string OneVariable = "MODAL_SIM_SEED";
    public const string ManyVariable = "MODAL_SIM_SEEDS";

    // Some ten seconds of one core.
    private const int Usual = 2_000;

    public static IEnumerable<int> Chosen =>
        Read(OneVariable) is { } one ? [one] : Enumerable.Range(0, Read(ManyVariable) ?? Usual);

    /// <summary>Whether one seed is looked into.</summary>
    public static bool IsOne => Read(OneVariable) is not null;

    private static int? Read(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
