using System.Text;

namespace Modal.Generators.Emission;

/// <summary>JSON text. The generator may load no serializer of its own into the compiler.</summary>
internal static class Json
{
    public static string String(string value)
    {
        var text = new StringBuilder("\"");
        foreach (var c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case < ' ': text.Append("\\u").Append(((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture)); break;
                default: text.Append(c); break;
            }
        }

        return text.Append('"').ToString();
    }

    public static string Object(params (string Name, string? Value)[] members) =>
        "{" + string.Join(",", members.Where(m => m.Value is not null).Select(m => $"{String(m.Name)}:{m.Value}")) + "}";

    public static string Array(IEnumerable<string> items) => "[" + string.Join(",", items) + "]";
}
