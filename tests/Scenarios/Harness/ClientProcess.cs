using System.Diagnostics;
using System.Text;

namespace Modal.Scenarios.Harness;

/// <summary>The scenario program as a process of its own, as a user would run it.</summary>
internal sealed class ClientProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _out = new();
    private readonly StringBuilder _error = new();
    private readonly TaskCompletionSource _firstLine = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ClientProcess(string stateDirectory, params string[] arguments)
        : this(HostPaths.ScenarioProgram, stateDirectory, arguments)
    {
    }

    private ClientProcess(string program, string stateDirectory, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["MODAL_STATE_DIR"] = stateDirectory;
        start.Environment["MODAL_HOST"] = HostPaths.HostProgram;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, e) => Add(_out, e.Data);
        _process.ErrorDataReceived += (_, e) => Add(_error, e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The program that deploys itself.</summary>
    public static ClientProcess Shop(string stateDirectory, params string[] arguments) => new(HostPaths.ShopProgram, stateDirectory, arguments);

    public int Id => _process.Id;

    public string Out => Text(_out);

    public string Error => Text(_error);

    /// <summary>Resolves with the first line on stdout.</summary>
    public Task FirstLine => _firstLine.Task;

    public async Task<int> ExitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The client did not end within {limit.TotalSeconds:0} s. stdout: {Out} stderr: {Error}");
        }

        return _process.ExitCode;
    }

    public void Kill() => _process.Kill();

    public void Interrupt() => Signal.Send(_process.Id, Signal.Interrupt);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private void Add(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }

            if (text == _out)
            {
                _firstLine.TrySetResult();
            }
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
