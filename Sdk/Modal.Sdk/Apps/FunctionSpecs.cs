using System.Security.Cryptography;
using Google.Protobuf;
using Modal.Images;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Apps;

/// <summary>From what generated code registered to what the server is told.</summary>
internal static class FunctionSpecs
{
    /// <summary>The function a handle calls, without its image and secrets, which of its methods, and its volumes, in the order of those in the specification, which lacks their ids.</summary>
    public static (FunctionSpec Spec, int Method, IReadOnlyList<Volume> Volumes) Build(string appId, FunctionTarget target, bool needsAspNetCore)
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
            spec.ClusterSize = definition.ClusterSize;
            return (spec, method, Mount(spec, definition.Volumes));
        }

        var function = FunctionRegistry.FindFunction(target.Name) ?? throw Unknown(target.Name);
        var single = FromOptions(function.Options);
        single.FunctionId = Id.Derive(Id.Function, appId, function.Name);
        single.Name = function.Name;
        single.Assembly = function.Assembly;
        single.Methods.Add(function.Name);
        single.NeedsAspnetcore = needsAspNetCore;
        SetBatch(single, [function]);
        single.ClusterSize = function.ClusterSize;
        return (single, 0, Mount(single, function.Volumes));
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

    /// <summary>A function of a deployed app: only what names it.</summary>
    public static FunctionSpec Name(string appId, FunctionTarget target) => target.Service is { } service
        ? new FunctionSpec
        {
            FunctionId = Id.Derive(Id.Function, appId, service.ServiceName, Convert.ToHexString(SHA256.HashData(service.Arguments.Span))),
            Name = service.ServiceName,
            IsService = true,
            ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(service.Arguments.Span), SizeBytes = service.Arguments.Length },
        }
        : new FunctionSpec { FunctionId = Id.Derive(Id.Function, appId, target.Name), Name = target.Name };

    /// <summary>All that is registered, to be deployed; services without arguments.</summary>
    public static IEnumerable<(FunctionSpec Spec, Image? Image, IReadOnlyList<Secret> Secrets, IReadOnlyList<Volume> Volumes)> BuildAll(string appId, bool needsAspNetCore)
    {
        foreach (var function in FunctionRegistry.Functions.OrderBy(static f => f.Name, StringComparer.Ordinal))
        {
            var target = FunctionTarget.Static(function.Name);
            var (spec, _, volumes) = Build(appId, target, needsAspNetCore);
            yield return (spec, FindImage(target), FindSecrets(target), volumes);
        }

        foreach (var service in FunctionRegistry.Services.Where(static s => s.Functions.Count > 0).OrderBy(static s => s.Name, StringComparer.Ordinal))
        {
            var target = FunctionTarget.Method(new DeployedService(service.Name, [], new Deployments.DeployedAppName("", "")), service.Functions[0].Name);
            var (spec, _, volumes) = Build(appId, target, needsAspNetCore);
            (spec.ServiceArguments, spec.FunctionId) = (null, Id.Derive(Id.Function, appId, service.Name));
            yield return (spec, FindImage(target), FindSecrets(target), volumes);
        }
    }

    /// <summary>The image of a function that a handle calls; null for the standard base.</summary>
    /// <exception cref="ImageMismatchException">The image is not what it was when the program was compiled.</exception>
    public static Image? FindImage(FunctionTarget target)
    {
        if (target.Service is { } service)
        {
            var definition = FunctionRegistry.FindService(service.ServiceName) ?? throw Unknown(service.ServiceName);
            return ImageEvaluation.Evaluate(definition.Name, definition.Image, definition.CompiledImage);
        }

        var function = FunctionRegistry.FindFunction(target.Name) ?? throw Unknown(target.Name);
        return ImageEvaluation.Evaluate(function.Name, function.Image, function.CompiledImage);
    }

    /// <summary>The secrets of a function that a handle calls.</summary>
    public static IReadOnlyList<Secret> FindSecrets(FunctionTarget target)
    {
        if (target.Service is { } service)
        {
            var definition = FunctionRegistry.FindService(service.ServiceName) ?? throw Unknown(service.ServiceName);
            return Secrets(definition.Name, definition.Secrets);
        }

        var function = FunctionRegistry.FindFunction(target.Name) ?? throw Unknown(target.Name);
        return Secrets(function.Name, function.Secrets);
    }

    private static IReadOnlyList<Secret> Secrets(string function, Func<IReadOnlyList<object?>>? read) =>
        [.. (read?.Invoke() ?? []).Select((s, i) => s as Secret ?? throw new InvalidRequestException($"Secret {i + 1} of '{function}' is null: the member that it names must give one."))];

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
            RestrictModalAccess = options.RestrictModalAccess,
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
