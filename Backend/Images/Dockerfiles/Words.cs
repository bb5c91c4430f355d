using System.Text;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Splits texts into words before variables are replaced in them, so that a value with spaces stays one word.</summary>
internal static class Words
{
    private static readonly char[] s_spaces = [' ', '\t', '\v', '\f', '\r'];

    /// <summary>What stands between spaces; quotes have no meaning.</summary>
    public static string[] Plain(string text) => text.Split(s_spaces, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The first word and what follows it.</summary>
    public static (string Word, string Following) First(string text)
    {
        var end = text.AsSpan().IndexOfAny(s_spaces);
        return end < 0 ? (text, "") : (text[..end], text[end..].Trim());
    }

    /// <summary>What stands between spaces outside of quotes. Quotes and escapes are kept; a quote that is not closed goes on to the end.</summary>
    public static List<string> Split(string text, char escape) => Split(text, escape, isForMarks: false, out _);

    /// <summary>Words among which are marks of here-documents, in which spaces may follow <c>&lt;&lt;</c>. None if a quote is not closed.</summary>
    public static List<string> ForMarks(string text) => Split(text, '\\', isForMarks: true, out var isClosed) is var words && isClosed ? words : [];

    /// <summary>A word without its quotes and escapes; dollars have no meaning. The name is null if a quote is not closed.</summary>
    public static (string? Text, bool WasQuoted) Unquote(string word, char escape)
    {
        var (result, quote, wasQuoted) = (new StringBuilder(), '\0', false);
        for (var i = 0; i < word.Length; i++)
        {
            var c = word[i];
            if (quote == '\0' && c is '"' or '\'')
            {
                (quote, wasQuoted) = (c, true);
            }
            else if (quote != '\0' && c == quote)
            {
                quote = '\0';
            }
            else if (c == escape && i + 1 < word.Length && (quote == '\0' || (quote == '"' && (word[i + 1] is '"' or '$' || word[i + 1] == escape))))
            {
                result.Append(word[++i]);
            }
            else
            {
                result.Append(c);
            }
        }

        return (quote == '\0' ? result.ToString() : null, wasQuoted);
    }

    private static List<string> Split(string text, char escape, bool isForMarks, out bool isClosed)
    {
        var (words, word, isOpen, quote) = (new List<string>(), new StringBuilder(), false, '\0');
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (isOpen)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    isOpen = false;
                }

                continue;
            }

            isOpen = true;
            word.Append(c);
            if (c == escape && quote != '\'' && i + 1 < text.Length)
            {
                word.Append(text[++i]);
            }
            else if (quote != '\0')
            {
                quote = c == quote ? '\0' : quote;
            }
            else if (c is '"' or '\'')
            {
                quote = c;
            }
            else if (isForMarks && c == '<' && i + 1 < text.Length && text[i + 1] == '<')
            {
                word.Append(text[++i]);
                while (i + 1 < text.Length && char.IsWhiteSpace(text[i + 1]))
                {
                    word.Append(text[++i]);
                }
            }
        }

        if (isOpen)
        {
            words.Add(word.ToString());
        }

        isClosed = quote == '\0';
        return words;
    }
}
