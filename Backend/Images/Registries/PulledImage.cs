using Modal.Backend.Images.Definitions;

namespace Modal.Backend.Images.Registries;

/// <summary>An image in a folder of this machine, as OCI lays it out. Disposing of it removes the folder.</summary>
public sealed class PulledImage(string folder, IReadOnlyList<string> layers, ImageConfig config) : IDisposable
{
    /// <summary>Files of its layers, the lowest first.</summary>
    public IReadOnlyList<string> Layers => layers;

    /// <summary>Its settings.</summary>
    public ImageConfig Config => config;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(folder, recursive: true);
}
