using Modal.Protocol;

namespace Modal.Terminal;

/// <summary>Whether and how output is coloured. NO_COLOR and dumb terminals are honoured (no-color.org).</summary>
internal static class TerminalStyle
{
    private const string Cyan = "\e[36m";
    private const string Yellow = "\e[33m";
    private const string Dim = "\e[2m";
    private const string Reset = "\e[0m";

    private static readonly bool s_capable =
        string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } term && term != "dumb";

    public static bool IsOutputTerminal => s_capable && !Console.IsOutputRedirected;

    public static bool IsErrorTerminal => s_capable && !Console.IsErrorRedirected;

    /// <summary>Each line in its stream's colour; the colour ends before the line does, so that it never leaks into the next.</summary>
    public static string Paint(string text, OutputSource source)
    {
        var colour = source switch { OutputSource.Stdout => Cyan, OutputSource.Stderr => Yellow, _ => Dim };
        var ends = text.EndsWith('\n');
        var body = ends ? text[..^1] : text;
        return $"{colour}{body.Replace("\n", $"{Reset}\n{colour}", StringComparison.Ordinal)}{Reset}{(ends ? "\n" : "")}";
    }
}
