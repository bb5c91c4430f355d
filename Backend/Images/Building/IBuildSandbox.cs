using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>Runs the steps of builds. Safe from many threads.</summary>
public interface IBuildSandbox
{
    /// <summary>Runs commands one after another over an image's files, up to the first that fails.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="output">Gets what they print; may be called from any thread, one call at a time.</param>
    /// <param name="cancellationToken">Kills the commands.</param>
    /// <returns>What came of it; the caller disposes of it.</returns>
    /// <exception cref="BuildSandboxException">The commands could not be run at all.</exception>
    Task<StepResult> RunAsync(StepRequest request, Action<OutputSource, ReadOnlyMemory<byte>> output, CancellationToken cancellationToken);
}
