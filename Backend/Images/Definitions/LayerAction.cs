using Modal.Backend.Images.Building;
using Modal.Protocol;

namespace Modal.Backend.Images.Definitions;

/// <summary>What a layer comes down to.</summary>
internal abstract record LayerAction
{
    /// <summary>The standard base of this worker.</summary>
    public sealed record StandardBase : LayerAction;

    /// <summary>Nothing but the folders that a container needs.</summary>
    public sealed record Scratch : LayerAction;

    /// <summary>An image of a registry.</summary>
    public sealed record Registry(string Reference, string? Secret) : LayerAction;

    /// <summary>A root file system in an archive.</summary>
    public sealed record Archive(ImageFile File) : LayerAction;

    /// <summary>A Dockerfile with its context.</summary>
    public sealed record Dockerfile(string Path, IReadOnlyDictionary<string, string> Arguments, string? Target) : LayerAction;

    /// <summary>An instruction of a Dockerfile.</summary>
    public sealed record Instruction(Func<BuildRecord, Action<OutputSource, ReadOnlyMemory<byte>>, CancellationToken, Task<BuildRecord>> Make) : LayerAction;

    /// <summary>Commands in the image so far.</summary>
    public sealed record Run(IReadOnlyList<IReadOnlyList<string>> Commands, IReadOnlyList<string> Shown) : LayerAction;

    /// <summary>A function of the user's assemblies in the image so far.</summary>
    public sealed record RunFunction(string Function, string Assembly, byte[] Arguments) : LayerAction;

    /// <summary>Files as a part of the image.</summary>
    public sealed record Copy(string Target, bool IsDirectory) : LayerAction;

    /// <summary>Files that are mounted when a container starts.</summary>
    public sealed record Mount(string Target, bool IsDirectory) : LayerAction;

    /// <summary>Settings.</summary>
    public sealed record Configure(Func<ImageConfig, ImageConfig> Change) : LayerAction;
}
