using System.Security.Cryptography;
using Google.Protobuf;
using Modal.Images;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Apps;

/// <summary>From what generated code registered to what the server is told.</summary>
internal static class FunctionSpecs
{
    /// <summary>The function a handle calls, which of its methods, and its image; null for the standard base. The volumes are in the order of those in the specification, which lacks their ids.</summary>
    /// <exception cref="ImageMismatchException">The image is not what it was when the program was compiled.</exception>
    public static (FunctionSpec Spec, int Method, Image? Image, IReadOnlyList<Volume> Volumes) Build(string appId, FunctionTarget target, bool needsAspNetCore)
    {
        if (target.Service is { } service)
        {
            var definition = FunctionRegistry.FindService(service.ServiceName) ?? throw Unknown(service.ServiceName);
            var method = definition.Functions.Select((f, i) => (f.Name, i)).First(m => m.Name == target.Name).i;
            var spec = FromOptions(definition.Options);
            spec.FunctionId = Id.Derive(Id.Function, appId, definition.Name, Convert.ToHexString(SHA256.HashData(service.Arguments.Span)));
            spec.Name = definition.Name;
            spec.Assembly = definition.Assembly;
            spec.IsService = true;
            spec.MemorySnapshot |= definition.Enter.Any(hook => hook.Snapshot);
            spec.Methods.AddRange(definition.Functions.Select(f => f.Name));
            spec.ServiceArguments = new Payload
            {
                Format = PayloadFormat.Messagepack,
                Inline = ByteString.CopyFrom(service.Arguments.Span),
                SizeBytes = service.Arguments.Length,
            };
            spec.NeedsAspnetcore = needsAspNetCore;
            SetBatch(spec, definition.Functions);
            return (spec, method, ImageEvaluation.Evaluate(definition.Name, definition.Image, definition.CompiledImage), Mount(spec, definition.Volumes));
        }

        var function = FunctionRegistry.FindFunction(target.Name) ?? throw Unknown(target.Name);
        var single = FromOptions(function.Options);
        single.FunctionId = Id.Derive(Id.Function, appId, function.Name);
        single.Name = function.Name;
        single.Assembly = function.Assembly;
        single.Methods.Add(function.Name);
        single.NeedsAspnetcore = needsAspNetCore;
        SetBatch(single, [function]);
        return (single, 0, ImageEvaluation.Evaluate(function.Name, function.Image, function.CompiledImage), Mount(single, function.Volumes));
    }

    private static List<Volume> Mount(FunctionSpec spec, IReadOnlyList<VolumeBinding> bindings)
    {
        var volumes = new List<Volume>();
        foreach (var binding in bindings)
        {
            var volume = binding.Read() as Volume ?? throw new InvalidRequestException($"The volume of '{spec.Name}' at {binding.Path} is null.");
            if (volumes.Any(v => v.Name == volume.Name && v.Environment == volume.Environment))
            {
                throw new InvalidRequestException($"'{spec.Name}' has the volume '{volume.Name}' at two paths: a volume has one path in a container.");
            }

            volumes.Add(volume);
            spec.Volumes.Add(new VolumeMount { Path = binding.Path, Name = volume.Name, Environment = volume.Environment, ReadOnly = volume.IsReadOnly, SubPath = volume.SubPath });
        }

        return volumes;
    }

    // A batched method has its containers to itself: the generator sees to that.
    private static void SetBatch(FunctionSpec spec, IReadOnlyList<FunctionDefinition> functions)
    {
        if (functions is [{ BatchMaxSize: > 0 } batched])
        {
            spec.BatchMaxSize = batched.BatchMaxSize;
            spec.BatchWaitMs = batched.BatchWaitMs;
        }
    }

    private static FunctionSpec FromOptions(FunctionOptions options)
    {
        var spec = new FunctionSpec
        {
            Resources = new Resources
            {
                CpuCores = options.Cpu,
                CpuLimitCores = options.CpuLimit,
                MemoryMib = options.MemoryMiB,
                MemoryLimitMib = options.MemoryLimitMiB,
                EphemeralDiskMib = options.EphemeralDiskMiB,
                Gpu = options.Gpu ?? "",
            },
            TimeoutMs = options.TimeoutSeconds * 1000L,
            StartupTimeoutMs = options.StartupTimeoutSeconds * 1000L,
            MaxConcurrentInputs = options.MaxConcurrentInputs,
            TargetConcurrentInputs = options.TargetConcurrentInputs,
            MinContainers = options.MinContainers,
            MaxContainers = options.MaxContainers,
            BufferContainers = options.BufferContainers,
            ScaledownWindowMs = options.ScaledownWindowSeconds * 1000L,
            SingleUseContainers = options.SingleUseContainers,
            Retries = options.Retries,
            RetryBackoff = options.RetryBackoff,
            RetryInitialDelayMs = (long)(options.RetryInitialDelaySeconds * 1000),
            RetryMaxDelayMs = (long)(options.RetryMaxDelaySeconds * 1000),
            BlockNetwork = options.BlockNetwork,
            MemorySnapshot = options.MemorySnapshot,
            Pool = options.Pool ?? "",
            Priority = options.Priority,
            Nonpreemptible = options.Nonpreemptible,
            Spread = options.Spread,
        };
        spec.Regions.AddRange((options.Region ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return spec;
    }

    private static NotFoundException Unknown(string name) => new(
        $"'{name}' is not registered. Its assembly must be built with the Modal.Sdk package, whose generator registers [Function] methods.");
}
