using System.Globalization;
using Modal.Images.Definitions;

namespace Modal.Generators.Emission;

/// <summary>Values of attributes as JSON, in the form of <see cref="CanonicalJson"/>.</summary>
internal static class Json
{
    public static string Value(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string s => String(s),
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => String(value.ToString()),
    };

    public static string String(string value) => CanonicalJson.String(value);

    public static string Array(IEnumerable<string> items) => CanonicalJson.Array(items);

    /// <summary>An object; members that are null are left out.</summary>
    public static string Object(params (string Name, string? Value)[] members) => CanonicalJson.Object(members);
}
