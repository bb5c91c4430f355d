using System.Collections.Concurrent;
using System.Text;
using Modal.Backend.Images.Building;
using Modal.Protocol;

namespace Modal.Backend.Images.Tests.Building;

/// <summary>Steps that really change an upper folder, as a test says, without a sandbox.</summary>
internal sealed class FakeSandbox : IBuildSandbox
{
    public ConcurrentQueue<StepRequest> Steps { get; } = new();

    /// <summary>Does a command: gets its last word and the upper folder, prints, and gives an exit code.</summary>
    public Func<string, string, Action<string>, CancellationToken, Task<int>> Run { get; set; } = (_, _, _, _) => Task.FromResult(0);

    public async Task<StepResult> RunAsync(StepRequest request, Action<OutputSource, ReadOnlyMemory<byte>> output, CancellationToken cancellationToken)
    {
        Steps.Enqueue(request);
        var upper = Directory.CreateTempSubdirectory("modal-upper-").FullName;
        for (var i = 0; i < request.Commands.Count; i++)
        {
            var code = await Run(request.Commands[i][^1], upper, text => output(OutputSource.Stdout, Encoding.UTF8.GetBytes(text)), cancellationToken);
            if (code != 0)
            {
                return new StepResult(i, code, "", upper, () => Directory.Delete(upper, recursive: true));
            }
        }

        return new StepResult(-1, 0, "", upper, () => Directory.Delete(upper, recursive: true));
    }
}
