namespace Modal.Runtime;

/// <summary>What code in a container can have done with the volumes that it has. Set by the runner. May be called from many threads.</summary>
public abstract class VolumeActions
{
    /// <summary>Those of this container; null outside of one.</summary>
    public static VolumeActions? Current { get; set; }

    /// <summary>Stores what was written as a new version.</summary>
    /// <param name="name">The volume's name.</param>
    /// <param name="environment">Its environment as the program names it; empty for the default one.</param>
    /// <exception cref="IOException">It could not be done; the message says why.</exception>
    public abstract Task CommitAsync(string name, string environment);

    /// <summary>Stores what was written and shows the newest version.</summary>
    /// <param name="name">The volume's name.</param>
    /// <param name="environment">Its environment as the program names it; empty for the default one.</param>
    /// <exception cref="IOException">It could not be done; the message says why.</exception>
    public abstract Task ReloadAsync(string name, string environment);
}
