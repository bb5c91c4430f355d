using System.Security.Cryptography;
using Google.Protobuf;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Apps;

/// <summary>From what generated code registered to what the server is told.</summary>
internal static class FunctionSpecs
{
    /// <summary>The function a handle calls, and which of its methods.</summary>
    public static (FunctionSpec Spec, int Method) Build(string appId, FunctionTarget target, bool needsAspNetCore)
    {
        if (target.Service is { } service)
        {
            var definition = FunctionRegistry.FindService(service.ServiceName) ?? throw Unknown(service.ServiceName);
            var method = definition.Functions.Select((f, i) => (f.Name, i)).First(m => m.Name == target.Name).i;
            var spec = FromOptions(definition.Options, definition.Image);
            spec.FunctionId = Id.Derive(Id.Function, appId, definition.Name, Convert.ToHexString(SHA256.HashData(service.Arguments.Span)));
            spec.Name = definition.Name;
            spec.Assembly = definition.Assembly;
            spec.IsService = true;
            spec.Methods.AddRange(definition.Functions.Select(f => f.Name));
            spec.ServiceArguments = new Payload
            {
                Format = PayloadFormat.Messagepack,
                Inline = ByteString.CopyFrom(service.Arguments.Span),
                SizeBytes = service.Arguments.Length,
            };
            spec.NeedsAspnetcore = needsAspNetCore;
            return (spec, method);
        }

        var function = FunctionRegistry.FindFunction(target.Name) ?? throw Unknown(target.Name);
        var single = FromOptions(function.Options, function.Image);
        single.FunctionId = Id.Derive(Id.Function, appId, function.Name);
        single.Name = function.Name;
        single.Assembly = function.Assembly;
        single.Methods.Add(function.Name);
        single.NeedsAspnetcore = needsAspNetCore;
        return (single, 0);
    }

    private static FunctionSpec FromOptions(FunctionOptions options, Func<object?>? image) => new()
    {
        Resources = new Resources { CpuCores = options.Cpu, MemoryMib = options.MemoryMiB, Gpu = options.Gpu ?? "" },
        TimeoutMs = options.TimeoutSeconds * 1000L,
        StartupTimeoutMs = options.StartupTimeoutSeconds * 1000L,
        MaxConcurrentInputs = options.MaxConcurrentInputs,
        MinContainers = options.MinContainers,
        MaxContainers = options.MaxContainers,
        ScaledownWindowMs = options.ScaledownWindowSeconds * 1000L,
        Retries = options.Retries,
        BlockNetwork = options.BlockNetwork,
        Image = (image?.Invoke() as Image)?.ToSpec() ?? new ImageSpec(),
    };

    private static NotFoundException Unknown(string name) => new(
        $"'{name}' is not registered. Its assembly must be built with the Modal.Sdk package, whose generator registers [Function] methods.");
}
