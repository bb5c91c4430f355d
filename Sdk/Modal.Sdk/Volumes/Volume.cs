using Modal.Protocol;
using Modal.Runtime;

namespace Modal;

/// <summary>
/// Files that outlive containers and are shared by them, on any machine. A function has one with <see cref="MountAttribute"/>; programs outside read and change it with the other methods. What a container
/// writes is committed every few seconds while it changes, when the container ends, and by <see cref="CommitAsync"/>; containers that start later see it, those that run after
/// <see cref="ReloadAsync"/>. The last commit of a file wins, and files that different containers write do not disturb each other. What was not committed when a worker is killed is lost, and the last
/// committed version stays whole. Immutable, and safe for many threads.
/// </summary>
public sealed partial class Volume
{
    private readonly bool _createIfMissing;

    private Volume(string name, string environment, bool createIfMissing, bool isReadOnly, string subPath) =>
        (Name, Environment, _createIfMissing, IsReadOnly, SubPath) = (name, environment, createIfMissing, isReadOnly, subPath);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The environment in which its name counts; empty for the default one.</summary>
    public string Environment { get; }

    /// <summary>Whether containers cannot write to it.</summary>
    public bool IsReadOnly { get; }

    /// <summary>The folder of it that containers have; empty for all of it.</summary>
    public string SubPath { get; }

    /// <summary>The volume of a name. Nothing is asked of the server before it is used.</summary>
    /// <param name="name">From 1 to 64 letters, digits, '-', '_' and '.', not <c>vo-</c> first.</param>
    /// <param name="createIfMissing">Whether it is made, empty, where there is none. False, the default: then using it fails with <see cref="NotFoundException"/>.</param>
    /// <param name="environment">The environment in which the name counts. Null, the default, means the default one, <c>main</c>.</param>
    /// <returns>The volume.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static Volume FromName(string name, bool createIfMissing = false, string? environment = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new Volume(name, environment ?? "", createIfMissing, isReadOnly: false, subPath: "");
    }

    /// <summary>The same volume for containers that cannot write to it: writing fails with <see cref="IOException"/> (read-only file system).</summary>
    public Volume ReadOnly() => new(Name, Environment, _createIfMissing, isReadOnly: true, SubPath);

    /// <summary>The same volume for containers that have one folder of it and do not see the rest. The folder is made where there is none, unless the volume is read-only: then the start fails.</summary>
    /// <param name="path">The folder, such as <c>a/b</c>, from the root of the volume.</param>
    /// <returns>The volume.</returns>
    /// <exception cref="ArgumentException">The path is empty or has '.' or '..' in it.</exception>
    public Volume WithSubPath(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && names.All(static n => n is not ("." or ".."))
            ? new Volume(Name, Environment, _createIfMissing, IsReadOnly, string.Join('/', names))
            : throw new ArgumentException($"'{path}' is no folder of a volume: a path such as a/b, without '.' and '..', is.", nameof(path));
    }

    /// <summary>
    /// In a container that has the volume: stores what was written to it, so that containers that start or reload from now on see it. Nothing having been written is fine, and takes milliseconds.
    /// Where others committed meanwhile, what was written is put over theirs.
    /// </summary>
    /// <param name="cancellationToken">Stops waiting; the commit goes on.</param>
    /// <exception cref="InvalidRequestException">This is no container, or one without the volume; it is read-only or was deleted; or the commit failed.</exception>
    public Task CommitAsync(CancellationToken cancellationToken = default) => DoAsync(static (actions, volume) => actions.CommitAsync(volume.Name, volume.Environment), cancellationToken);

    /// <summary>
    /// In a container that has the volume: commits what was written, then shows the newest version at its path. Files and folders that are open stay as they are, and what is written to them is committed
    /// too; a process whose current directory is in the volume must change into it again.
    /// </summary>
    /// <param name="cancellationToken">Stops waiting; the reload goes on.</param>
    /// <exception cref="InvalidRequestException">This is no container, or one without the volume; it was deleted; or the reload failed.</exception>
    public Task ReloadAsync(CancellationToken cancellationToken = default) => DoAsync(static (actions, volume) => actions.ReloadAsync(volume.Name, volume.Environment), cancellationToken);

    internal GetVolumeRequest ToRequest() => new() { Name = Name, Environment = Environment, CreateIfMissing = _createIfMissing };

    private async Task DoAsync(Func<VolumeActions, Volume, Task> action, CancellationToken cancellationToken)
    {
        var actions = VolumeActions.Current
            ?? throw new InvalidRequestException($"The volume '{Name}' can be committed and reloaded in a container that has it: call this in a [Function] with [Mount].");
        try
        {
            await action(actions, this).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new InvalidRequestException(e.Message, e);
        }
    }
}
