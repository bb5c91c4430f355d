using Modal.Backend.Worker.Sandboxes.GVisor;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>What a container has of its image.</summary>
/// <param name="Root">Its root file system on this machine; stays there as long as the container runs.</param>
/// <param name="Environment">Its variables.</param>
/// <param name="Binds">Files and folders mounted over it.</param>
/// <param name="WorkingDirectory">Where the program starts; null for the folder of the code.</param>
/// <param name="Uid">Who runs; null for nobody.</param>
/// <param name="Gid">Its group; null for nobody's.</param>
internal sealed record SandboxImage(
    string Root, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<BindMount> Binds, string? WorkingDirectory, uint? Uid, uint? Gid);
