using CliWrap;

namespace Modal.Backend.Images.Tests;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("modal-tree-").FullName;

    public async Task ShellAsync(string script) => await Cli.Wrap("bash").WithArguments(["-euc", script]).WithWorkingDirectory(Path).ExecuteAsync();

    // Names that are not UTF-8 are out of .NET's reach.
    public void Dispose() => Cli.Wrap("rm").WithArguments(["-rf", Path]).ExecuteAsync().Task.GetAwaiter().GetResult();
}
