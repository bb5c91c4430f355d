using System.Collections.Immutable;
using Microsoft.CodeAnalysis.Operations;
using Modal.Generators.Diagnostics;
using Modal.Generators.Model;
using Modal.Generators.Parsing;
using Modal.Images.Definitions;

namespace Modal.Generators.Folding;

internal sealed partial class ImageFolder
{
    private Folded? ImageCall(IInvocationOperation call)
    {
        var below = ImmutableArray<LayerDefinition>.Empty;
        if (call.Instance is not null)
        {
            switch (Value(call.Instance))
            {
                case null:
                    return null;
                case { Value: FoldedImage image }:
                    below = image.Layers;
                    break;
                default:
                    return Stop($"{Shown(call.Instance.Syntax)} is null");
            }
        }

        if (Arguments(call) is not { } arguments)
        {
            return null;
        }

        try
        {
            if (call.TargetMethod.Name == nameof(ImageLayers.ForceBuild) && below.Length > 0)
            {
                return new Folded(new FoldedImage(below.SetItem(below.Length - 1, ImageLayers.ForceBuild(below[below.Length - 1]))), call.Syntax);
            }

            return Layer(call.TargetMethod.Name, arguments) is { } layer && arguments.AllTaken
                ? new Folded(new FoldedImage(below.Add(layer)), call.Syntax)
                : Stop($"{TypeNames.Member(call.TargetMethod)} is not constant");
        }
        catch (ArgumentException e)
        {
            return Fault(e, call, arguments);
        }
    }

    private static LayerDefinition? Layer(string method, CallArguments a) => method switch
    {
        nameof(ImageLayers.DebianSlim) => ImageLayers.DebianSlim(),
        nameof(ImageLayers.FromRegistry) => ImageLayers.FromRegistry(a.Text("reference")!, a.Secret("credentials")),
        nameof(ImageLayers.FromDockerfile) => ImageLayers.FromDockerfile(a.Text("path")!, a.Text("contextDirectory"), a.Map("buildArguments"), a.Text("target")),
        nameof(ImageLayers.FromTar) => ImageLayers.FromTar(a.Text("path")!),
        nameof(ImageLayers.FromScratch) => ImageLayers.FromScratch(),
        nameof(ImageLayers.AptInstall) => ImageLayers.AptInstall(a.Options("options"), a.Texts("packages")!),
        nameof(ImageLayers.PipInstall) => ImageLayers.PipInstall(a.PipOptions("options")!, a.Texts("packages")!),
        nameof(ImageLayers.UvPipInstall) => ImageLayers.UvPipInstall(a.PipOptions("options")!, a.Texts("packages")!),
        nameof(ImageLayers.NpmInstall) => ImageLayers.NpmInstall(a.Texts("packages")!),
        nameof(ImageLayers.DotnetTool) => ImageLayers.DotnetTool(a.Text("package")!, a.Text("version")),
        nameof(ImageLayers.RunCommands) => ImageLayers.RunCommands(a.Options("options"), a.Texts("commands")!),
        nameof(ImageLayers.Env) => ImageLayers.Env(a.Text("name")!, a.Text("value")!),
        nameof(ImageLayers.Workdir) => ImageLayers.Workdir(a.Text("path")!),
        nameof(ImageLayers.Entrypoint) => ImageLayers.Entrypoint(a.Texts("command")!),
        nameof(ImageLayers.User) => ImageLayers.User(a.Text("user")!),
        nameof(ImageLayers.AddLocalFile) => ImageLayers.AddLocalFile(a.Text("localPath")!, a.Text("remotePath")!, a.Flag("copy")),
        nameof(ImageLayers.AddLocalDirectory) => ImageLayers.AddLocalDirectory(a.Text("localPath")!, a.Text("remotePath")!, a.Flag("copy"), a.Texts("ignore")),
        _ => null,
    };

    private Folded? SecretCall(IInvocationOperation call)
    {
        // Where the values come from is no part of a definition.
        var isDictionary = call.TargetMethod.Name == nameof(SecretNames.FromDictionary);
        if (Arguments(call, isDictionary ? "variables" : null) is not { } arguments)
        {
            return null;
        }

        try
        {
            var name = isDictionary ? SecretNames.FromDictionary(arguments.Text("name")!)
                : call.TargetMethod.Name == nameof(SecretNames.FromEnvironment) ? SecretNames.FromEnvironment(arguments.Texts("variables")!)
                : null;
            return name is not null && arguments.AllTaken ? new Folded(new FoldedSecret(name), call.Syntax) : Stop(NotConstant(call, call.Syntax));
        }
        catch (ArgumentException e)
        {
            return Fault(e, call, arguments);
        }
    }

    private CallArguments? Arguments(IInvocationOperation call, string? except = null)
    {
        var arguments = new Dictionary<string, Folded>(StringComparer.Ordinal);
        foreach (var argument in call.Arguments)
        {
            if (argument.Parameter is not { } parameter || parameter.Name == except)
            {
                continue;
            }

            if (Value(argument.Value) is not { } value)
            {
                return null;
            }

            arguments.Add(parameter.Name, value);
        }

        return new CallArguments(arguments);
    }

    /// <summary>The call throws when the program runs: said now, where the argument is.</summary>
    private Folded? Fault(ArgumentException fault, IInvocationOperation call, CallArguments arguments)
    {
        var place = arguments.Find(fault.ParamName)?.Syntax;
        if (arguments.Find(fault.ParamName)?.Value is FoldedList list)
        {
            // What is wrong with an item is that it is empty.
            place = list.Items.FirstOrDefault(static i => string.IsNullOrWhiteSpace(i.Value as string))?.Syntax ?? place;
        }

        _fault ??= DiagnosticModel.Create(Descriptors.InvalidImage, (place ?? call.Syntax).GetLocation(), TypeNames.Member(call.TargetMethod), fault.Message);
        return Stop($"{TypeNames.Member(call.TargetMethod)} fails: {fault.Message}");
    }
}
