using Modal.Protocol;

namespace Modal.Images;

/// <summary>An image's definition as the server takes it, with its local files read.</summary>
/// <param name="Spec">The definition.</param>
/// <param name="Paths">Where on this machine the bytes of each digest are.</param>
/// <param name="Secrets">Those that it names.</param>
internal sealed record ImageDefinition(ImageSpec Spec, IReadOnlyDictionary<string, string> Paths, IReadOnlyList<Secret> Secrets)
{
    /// <summary>Reads the local files.</summary>
    /// <exception cref="InvalidRequestException">One cannot be read.</exception>
    public static async Task<ImageDefinition> ReadAsync(Image image, CancellationToken cancellationToken)
    {
        var spec = new ImageSpec();
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        var secrets = new Dictionary<string, Secret>(StringComparer.Ordinal);
        foreach (var secret in image.Secrets)
        {
            secrets[secret.Name] = secret;
        }

        foreach (var definition in image.Layers)
        {
            var layer = new ImageLayer { Operation = definition.Operation, ForceBuild = definition.ForceBuild, Gpu = definition.Gpu };
            layer.Arguments.AddRange(definition.Arguments);
            layer.Secrets.AddRange(definition.Secrets);
            layer.Options.AddRange(definition.Options.Select(static o => new ImageOption { Name = o.Name, Value = o.Value }));
            if (definition.Local is not null)
            {
                await LocalFiles.ReadAsync(definition.Local, layer, paths, cancellationToken).ConfigureAwait(false);
            }

            spec.Layers.Add(layer);
        }

        return new ImageDefinition(spec, paths, [.. secrets.Values]);
    }
}
