using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Native;
using Modal.Backend.Worker.Sandboxes;

namespace Modal.Backend.Worker.Runners;

/// <summary>A sandbox in which the runner runs and waits for code. Who takes it owns it.</summary>
/// <param name="kind">What it is.</param>
/// <param name="sandbox">The sandbox.</param>
/// <param name="events">Tells its owner what happens in it.</param>
/// <param name="codeFolder">The folder of this machine that is its code folder; empty.</param>
/// <param name="image">Its image; null for the standard base.</param>
internal sealed class WaitingRunner(RunnerKind kind, ISandbox sandbox, EventSwitch events, string codeFolder, ContainerImage? image) : IAsyncDisposable
{
    public RunnerKind Kind => kind;

    public ISandbox Sandbox => sandbox;

    public EventSwitch Events => events;

    public ContainerImage? Image => image;

    /// <summary>Whether it can still be used.</summary>
    public bool IsAlive => !sandbox.Exited.IsCompleted;

    /// <summary>Puts a code version into it: the same files under second names, which the sandbox sees at once.</summary>
    /// <param name="version">The code version's folder.</param>
    /// <exception cref="IOException">The files cannot be put there.</exception>
    public void AddCode(string version)
    {
        foreach (var folder in Directory.EnumerateDirectories(version, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(Path.Combine(codeFolder, Path.GetRelativePath(version, folder)));
        }

        foreach (var file in Directory.EnumerateFiles(version, "*", SearchOption.AllDirectories))
        {
            var name = Path.Combine(codeFolder, Path.GetRelativePath(version, file));
            Unistd.LinkOrCopy(file, name);
        }
    }

    /// <summary>Ends it, unused.</summary>
    public async ValueTask DisposeAsync()
    {
        await sandbox.DisposeAsync();
        if (image is not null)
        {
            await image.DisposeAsync();
        }
    }
}
