using Modal.Protocol;

namespace Modal;

/// <summary>A function's image could not be built. Nothing of the layer that failed is kept; the layers below it are.</summary>
public sealed class ImageBuildException : ModalException
{
    internal ImageBuildException(BuildFailed failed)
        : base(failed.OutputTail.Length > 0 ? $"{failed.Message} Its last lines were:{Environment.NewLine}{failed.OutputTail}" : failed.Message)
    {
        Layer = failed.Layer;
        Command = failed.Command;
        ExitCode = failed.ExitCode;
        OutputTail = failed.OutputTail;
    }

    /// <summary>Position of the layer in the definition, from 0; -1 if it was none of them.</summary>
    public int Layer { get; }

    /// <summary>The command that failed; empty if it was none.</summary>
    public string Command { get; }

    /// <summary>Its exit code, 128 + n if signal n ended it; 0 if it was no command.</summary>
    public int ExitCode { get; }

    /// <summary>The last lines that it printed; empty if there are none.</summary>
    public string OutputTail { get; }
}
