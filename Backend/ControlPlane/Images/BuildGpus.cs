using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Images;

/// <summary>GPUs that steps of an image's build ask for.</summary>
internal static class BuildGpus
{
    /// <summary>Whether each step finds what it asks for among these.</summary>
    public static bool Suffice(ImageSpec image, IReadOnlyList<WorkerGpu> gpus) => image.Layers.All(layer => !GpuRequest.TryParse(layer.Gpu, out var alternatives, out _)
        || alternatives.Count == 0 || alternatives.Any(a => gpus.Count(g => a.Accepts(g.Model)) >= a.Count));

    /// <summary>Says what is asked for that no worker has, and what there is; null if nothing is lacking.</summary>
    public static string? Lack(ImageSpec image, IEnumerable<WorkerLink> workers)
    {
        var all = workers.Select(static w => w.Gpus).ToArray();
        if (all.Any(gpus => Suffice(image, gpus)))
        {
            return null;
        }

        var asked = image.Layers.Select(static l => l.Gpu).Where(static g => g.Length > 0).Distinct(StringComparer.Ordinal).ToArray();
        var models = all.SelectMany(static gpus => gpus).Select(static g => g.Model).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return asked.Length == 0 ? null
            : $"Steps of the image ask for the GPU {string.Join(" and ", asked)}, which no connected worker has; there {(models.Length == 0 ? "are none" : $"is {string.Join(", ", models)}")}.";
    }
}
