namespace Modal;

/// <summary>
/// A function's image is defined otherwise than when the program was compiled, so that what tools read in the manifest is not what would run. Either the build is stale,
/// or the member that gives the image does not give the same one each time.
/// </summary>
public sealed class ImageMismatchException : ModalException
{
    internal ImageMismatchException(string function, string member, int layer, string compiled, string evaluated)
        : base($"The image of '{function}' is not what it was when the program was compiled: layer {layer} of '{member}' was {Shown(compiled)} and is {Shown(evaluated)}. "
            + "Build the program anew; if that does not help, something changes the image while the program runs: make all that its definition reads constant or readonly.")
    {
        Function = function;
        Member = member;
        Layer = layer;
        Compiled = compiled;
        Evaluated = evaluated;
    }

    /// <summary>The function or service whose image it is, as registered.</summary>
    public string Function { get; }

    /// <summary>The member that gives the image.</summary>
    public string Member { get; }

    /// <summary>Position of the first layer that differs, from 0.</summary>
    public int Layer { get; }

    /// <summary>That layer when the program was compiled, as JSON; empty if there was none.</summary>
    public string Compiled { get; }

    /// <summary>That layer now, as JSON; empty if there is none.</summary>
    public string Evaluated { get; }

    private static string Shown(string layer) => layer.Length == 0 ? "not there" : layer;
}
