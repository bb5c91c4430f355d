using System.Text;
using Modal.Calls;
using Modal.Protocol;

namespace Modal.Terminal;

/// <summary>
/// Writes what containers print: their stdout to ours, their stderr and everything of our own to stderr. Whole lines at a time, so that lines of several containers
/// do not mix; a line that stays unfinished is written after a moment, as a prompt or a progress bar would want.
/// </summary>
internal sealed class RemoteConsole : IDisposable
{
    // Long enough that a line written in pieces is usually whole, short enough to look immediate.
    private static readonly TimeSpan s_partialLine = TimeSpan.FromMilliseconds(150);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Container, OutputSource Source), LineBuffer> _lines = [];
    private readonly Timer _flush;
    private LiveLine? _live;

    public RemoteConsole() => _flush = new Timer(_ => Flush(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public void Write(Output output)
    {
        lock (_gate)
        {
            var key = (output.ContainerId, output.Source);
            if (!_lines.TryGetValue(key, out var line))
            {
                _lines.Add(key, line = new LineBuffer());
            }

            var text = line.Append(output.Data.Span);
            if (text.Length > 0)
            {
                Emit(output.Source, text);
            }

            if (line.HasPartial)
            {
                _flush.Change(s_partialLine, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>A line of our own.</summary>
    public void WriteNotice(string text)
    {
        lock (_gate)
        {
            Emit(OutputSource.System, text + Environment.NewLine);
        }
    }

    /// <summary>Writes unfinished lines as they are.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            foreach (var (key, line) in _lines)
            {
                if (line.TakePartial() is { Length: > 0 } text)
                {
                    Emit(key.Source, text);
                }
            }
        }
    }

    public void OnStats(string functionId, FunctionStats stats)
    {
        lock (_gate)
        {
            _live?.OnStats(functionId, stats);
        }
    }

    /// <summary>Shows a live line about a Map until it is disposed; nothing if stderr is not a terminal or another Map has the line.</summary>
    public IDisposable? StartProgress(string name, long? total, MapResults results)
    {
        lock (_gate)
        {
            if (_live is not null || !TerminalStyle.IsErrorTerminal)
            {
                return null;
            }

            return _live = new LiveLine(name, total, results, _gate, () => _live = null);
        }
    }

    public void Dispose() => _flush.Dispose();

    private void Emit(OutputSource source, string text)
    {
        _live?.Erase();
        if (source == OutputSource.Stdout)
        {
            Console.Out.Write(TerminalStyle.IsOutputTerminal ? TerminalStyle.Paint(text, source) : text);
        }
        else
        {
            Console.Error.Write(TerminalStyle.IsErrorTerminal ? TerminalStyle.Paint(text, source) : text);
        }
    }

    /// <summary>Bytes of one stream of one container up to their next line end.</summary>
    private sealed class LineBuffer
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
        private readonly StringBuilder _partial = new();

        public bool HasPartial => _partial.Length > 0;

        public string Append(ReadOnlySpan<byte> bytes)
        {
            var text = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
            var length = _decoder.GetChars(bytes, text, flush: false);
            var end = text.AsSpan(0, length).LastIndexOf('\n') + 1;
            if (end == 0)
            {
                _partial.Append(text, 0, length);
                return "";
            }

            var lines = string.Concat(_partial.ToString(), text.AsSpan(0, end));
            _partial.Clear().Append(text, end, length - end);
            return lines;
        }

        public string TakePartial()
        {
            var text = _partial.ToString();
            _partial.Clear();
            return text;
        }
    }
}
