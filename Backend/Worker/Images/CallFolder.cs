using Google.Protobuf;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Protocol;

namespace Modal.Backend.Worker.Images;

/// <summary>A call as the runner reads it, in a folder of this machine for as long as the step runs.</summary>
internal sealed class CallFolder : IDisposable
{
    /// <summary>Where the runner finds it. Every image has the folder.</summary>
    public const string Inside = "/modal/context";

    private const string FileName = "call";

    private CallFolder(string path, string codePath) => (Path, CodePath) = (path, codePath);

    public string Path { get; }

    /// <summary>The user's assemblies on this machine.</summary>
    public string CodePath { get; }

    /// <summary>What the runner's command line ends with.</summary>
    public string[] Arguments { get; } = ["call", $"{Inside}/{FileName}"];

    /// <summary>Gets the assemblies and writes the call.</summary>
    /// <exception cref="BuildSandboxException">The assemblies cannot be had.</exception>
    public static async Task<CallFolder> MakeAsync(FunctionCall call, CodeVersions codes, CancellationToken cancellationToken)
    {
        string codePath;
        try
        {
            codePath = await codes.EnsureAsync(call.Code, cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new BuildSandboxException($"The program's assemblies cannot be had: {e.Message}", e);
        }

        var folder = new CallFolder(Directory.CreateTempSubdirectory("modal-call-").FullName, codePath);
        try
        {
            // Steps may run as somebody else.
            File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
            await using var file = File.Create(System.IO.Path.Combine(folder.Path, FileName));
            var start = new RunnerStart
            {
                CodePath = GVisorBundle.CodePath,
                Function = new FunctionSpec { Name = call.Function, Assembly = call.Assembly, Methods = { call.Function } },
                Environment = { ["MODAL_FUNCTION_NAME"] = call.Function },
            };
            start.WriteDelimitedTo(file);
            new RunnerInput { Arguments = ByteString.CopyFrom(call.Arguments.Span) }.WriteDelimitedTo(file);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
