using Modal.Runtime;

namespace Modal.Images;

/// <summary>Evaluates the image of a function and holds it against what the compiler saw.</summary>
internal static class ImageEvaluation
{
    /// <summary>The image; null for the standard base.</summary>
    /// <param name="function">The function or service, as registered.</param>
    /// <param name="read">Reads the member; null if none is named.</param>
    /// <param name="compiled">What the compiler saw; null if there is no image, or if it was not constant.</param>
    /// <exception cref="ImageMismatchException">The two differ.</exception>
    public static Image? Evaluate(string function, Func<object?>? read, CompiledImage? compiled)
    {
        var image = read?.Invoke() as Image;
        if (compiled is not null)
        {
            Compare(function, compiled, [.. image?.Layers.Select(static l => l.ToJson()) ?? []]);
        }

        return image;
    }

    private static void Compare(string function, CompiledImage compiled, string[] evaluated)
    {
        for (var i = 0; i < Math.Max(compiled.Layers.Count, evaluated.Length); i++)
        {
            var (then, now) = (compiled.Layers.ElementAtOrDefault(i) ?? "", evaluated.ElementAtOrDefault(i) ?? "");
            if (then != now)
            {
                throw new ImageMismatchException(function, compiled.Member, i, then, now);
            }
        }
    }
}
