using System.Text;
using Modal.Backend.Worker.Sandboxes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Runners;

/// <summary>Listens to a runner that belongs to nobody yet: whether it says that it is there.</summary>
internal sealed class Greeting : ISandboxEvents, IDisposable
{
    private readonly SemaphoreSlim _heard = new(0);

    /// <summary>What it printed last.</summary>
    public string Printed { get; private set; } = "";

    /// <summary>Waits until it says so once more.</summary>
    /// <returns>False if it ended instead.</returns>
    /// <exception cref="TimeoutException">It did neither in time.</exception>
    public async Task<bool> HearAsync(ISandbox sandbox, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        var heard = _heard.WaitAsync(cancellationToken);
        await Task.WhenAny(heard, sandbox.Exited).WaitAsync(limit, time, cancellationToken);
        return heard.IsCompleted;
    }

    public void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes) => Printed = Encoding.UTF8.GetString(bytes);

    public void OnFrame(RunnerFrame frame)
    {
        if (frame.Hello is not null)
        {
            _heard.Release();
        }
    }

    public void Dispose() => _heard.Dispose();
}
