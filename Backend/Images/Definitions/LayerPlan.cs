using Modal.Protocol;

namespace Modal.Backend.Images.Definitions;

/// <summary>A checked definition.</summary>
/// <param name="Layer">As it was given.</param>
/// <param name="Title">For people.</param>
/// <param name="Action">What to do.</param>
internal sealed record PlannedLayer(ImageLayer Layer, string Title, LayerAction Action);

/// <summary>Checks a definition and turns each layer into what has to be done.</summary>
internal static class LayerPlan
{
    private const int MaxLayers = 200;

    /// <exception cref="ImageDefinitionException">It cannot be built.</exception>
    public static IReadOnlyList<PlannedLayer> Make(ImageSpec image)
    {
        if (image.Layers.Count > MaxLayers)
        {
            throw new ImageDefinitionException(MaxLayers, $"The image has {image.Layers.Count} layers; {MaxLayers} are allowed. Put several commands into one RunCommands.");
        }

        var planned = new List<PlannedLayer>();
        var mounts = -1;
        for (var i = 0; i < image.Layers.Count; i++)
        {
            var layer = image.Layers[i];
            LayerAction action;
            try
            {
                action = Operations.Lower(layer);
            }
            catch (FormatException e)
            {
                throw new ImageDefinitionException(i, $"Layer {i + 1}, {layer.Operation}: {e.Message}");
            }

            if (IsBase(action) != (i == 0))
            {
                throw new ImageDefinitionException(i, i == 0
                    ? $"The first layer is {layer.Operation}; an image begins with one of {string.Join(", ", Operations.Bases)}."
                    : $"Layer {i + 1} is {layer.Operation}, which only an image's first layer can be.");
            }

            if (mounts >= 0 && action is not (LayerAction.Mount or LayerAction.Configure))
            {
                throw new ImageDefinitionException(i, $"Layer {i + 1}, {layer.Operation}, comes after {image.Layers[mounts].Operation}, whose files are mounted when a container starts and are not there in a build: give it copy: true, or put it last.");
            }

            mounts = action is LayerAction.Mount ? i : mounts;
            planned.Add(new PlannedLayer(layer, Operations.TitleOf(layer), action));
        }

        return planned;
    }

    private static bool IsBase(LayerAction action) =>
        action is LayerAction.StandardBase or LayerAction.Scratch or LayerAction.Registry or LayerAction.Archive or LayerAction.Dockerfile;
}
