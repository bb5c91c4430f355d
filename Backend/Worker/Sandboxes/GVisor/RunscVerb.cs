namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>How a sandbox is made.</summary>
/// <param name="Arguments">The command of runsc and its own options.</param>
internal sealed record RunscVerb(IReadOnlyList<string> Arguments)
{
    /// <summary>With its program running.</summary>
    public static RunscVerb Run { get; } = new(["run", "--detach"]);

    /// <summary>With nothing in it yet.</summary>
    public static RunscVerb Create { get; } = new(["create"]);

    /// <summary>With what a checkpoint has.</summary>
    /// <param name="folder">The checkpoint's folder.</param>
    public static RunscVerb Restore(string folder) => new(["restore", "--detach", "--image-path", folder]);
}
