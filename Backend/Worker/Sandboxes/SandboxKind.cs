namespace Modal.Backend.Worker.Sandboxes;

/// <summary>How containers are isolated.</summary>
public enum SandboxKind
{
    /// <summary>gVisor where it works, else plain processes.</summary>
    Auto,

    /// <summary>gVisor; the worker refuses to start where it does not work.</summary>
    GVisor,

    /// <summary>Plain processes without isolation: code can read and change all that the worker can.</summary>
    Process,
}
