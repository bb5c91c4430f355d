using System.Text;
using Modal.Calls;
using Modal.Protocol;

namespace Modal.Terminal;

/// <summary>
/// The line that shows a Map's progress on a terminal's stderr, drawn ten times a second. The program's own writes to its console erase it first, by a writer
/// that stands in front of <see cref="Console.Out"/> while the line is up.
/// </summary>
internal sealed class LiveLine : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private static readonly string[] s_spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

    private readonly string _name;
    private readonly long? _total;
    private readonly MapResults _results;
    private readonly Lock _gate;
    private readonly Action _ended;
    private readonly Timer _timer;
    private readonly TextWriter? _out;
    private FunctionStats? _stats;
    private int _frame;
    private bool _drawn;
    private bool _disposed;

    public LiveLine(string name, long? total, MapResults results, Lock gate, Action ended)
    {
        _name = name;
        _total = total;
        _results = results;
        _gate = gate;
        _ended = ended;
        if (TerminalStyle.IsOutputTerminal)
        {
            _out = Console.Out;
            Console.SetOut(new ErasingWriter(this, _out));
        }

        _timer = new Timer(_ => Draw(), null, s_interval, s_interval);
    }

    public void OnStats(string functionId, FunctionStats stats) => _stats = stats;

    public void Erase()
    {
        if (_drawn)
        {
            _drawn = false;
            Console.Error.Write("\r\e[2K");
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _timer.Dispose();
            Erase();
            if (_out is not null)
            {
                Console.SetOut(_out);
            }

            _ended();
        }
    }

    private void Draw()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            var text = Describe();
            Console.Error.Write($"\r\e[2K{text}");
            _drawn = true;
        }
    }

    private string Describe()
    {
        var line = new StringBuilder().Append(s_spinner[_frame++ % s_spinner.Length]).Append(' ').Append(_name);
        line.Append("  ").Append(_stats?.ContainersReady ?? 0).Append(_stats?.ContainersReady == 1 ? " container" : " containers");
        if (_stats is { ContainersStarting: > 0 })
        {
            line.Append(" (+").Append(_stats.ContainersStarting).Append(" starting)");
        }

        line.Append("  ").Append(_results.Received).Append(" of ").Append(_total?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? $"{_results.Sent} sent").Append(" inputs done");
        if (_stats is { WaitingReason.Length: > 0 })
        {
            line.Append("  ").Append(_stats.WaitingReason);
        }

        // A line that wraps could not be erased.
        var width = Console.WindowWidth - 1;
        return width > 0 && line.Length > width ? line.ToString(0, width) : line.ToString();
    }

    private sealed class ErasingWriter(LiveLine line, TextWriter inner) : TextWriter
    {
        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value)
        {
            lock (line._gate)
            {
                line.Erase();
                inner.Write(value);
            }
        }

        public override void Write(char[] buffer, int index, int count)
        {
            lock (line._gate)
            {
                line.Erase();
                inner.Write(buffer, index, count);
            }
        }

        public override void Write(string? value)
        {
            lock (line._gate)
            {
                line.Erase();
                inner.Write(value);
            }
        }

        public override void WriteLine(string? value)
        {
            lock (line._gate)
            {
                line.Erase();
                inner.WriteLine(value);
            }
        }

        public override void Flush() => inner.Flush();
    }
}
