using System.Globalization;
using System.Text;

namespace Modal.Images.Definitions;

/// <summary>The little JSON that definitions and manifests need: one text per value, and ASCII only, so that it is the same in every encoding.</summary>
internal static class CanonicalJson
{
    public static string String(string? value)
    {
        if (value is null)
        {
            return "null";
        }

        var text = new StringBuilder("\"");
        foreach (var c in value)
        {
            if (c is '"' or '\\')
            {
                text.Append('\\').Append(c);
            }
            else if (c is < ' ' or > '~')
            {
                text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            }
            else
            {
                text.Append(c);
            }
        }

        return text.Append('"').ToString();
    }

    public static string Array(IEnumerable<string> items) => "[" + string.Join(",", items) + "]";

    /// <summary>An object; members that are null are left out.</summary>
    public static string Object(params (string Name, string? Value)[] members) =>
        "{" + string.Join(",", members.Where(static m => m.Value is not null).Select(static m => String(m.Name) + ":" + m.Value)) + "}";
}
