using Grpc.Core;
using Modal.Backend.Store.Blobs;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Clients;

/// <summary>Checks what clients send before anything acts on it. All faults of a message are reported at once.</summary>
internal static class RequestChecks
{
    private const int MaxFiles = 50_000;
    private const long MaxMs = 86_400_000;

    public static void Check(OpenApp open)
    {
        var faults = new List<string>();
        Require(faults, Id.IsValid(open.AppId, Id.App), "app_id", open.AppId, "an id with the prefix ap-");
        Require(faults, open.Code is { Files.Count: > 0 and <= MaxFiles }, "code.files", open.Code?.Files.Count, $"1 to {MaxFiles} files");
        foreach (var file in open.Code?.Files.Where(f => !BlobDigest.IsValid(f.Digest)).Take(1) ?? [])
        {
            Require(faults, false, "code.files.digest", file.Digest, "a lower-case hexadecimal SHA-256");
        }

        Check(open.Functions, faults);
        ThrowIfAny(faults);
    }

    public static void Check(IEnumerable<FunctionSpec> functions)
    {
        var faults = new List<string>();
        Check(functions, faults);
        ThrowIfAny(faults);
    }

    public static void Check(OpenStream open)
    {
        var faults = new List<string>();
        Require(faults, Id.IsValid(open.AppId, Id.App), "app_id", open.AppId, "an id with the prefix ap-");
        Require(faults, Id.IsValid(open.FunctionId, Id.Function), "function_id", open.FunctionId, "an id with the prefix fn-");
        Require(faults, Id.IsValid(open.StreamId, Id.Call), "stream_id", open.StreamId, "an id with the prefix fc-");
        ThrowIfAny(faults);
    }

    public static void Check(string appId, IReadOnlyCollection<string> functionIds, int max)
    {
        var faults = new List<string>();
        Require(faults, Id.IsValid(appId, Id.App), "app_id", appId, "an id with the prefix ap-");
        Require(faults, functionIds.Count <= max, "functions", functionIds.Count, $"at most {max}");
        Require(faults, functionIds.All(static id => Id.IsValid(id, Id.Function)), "function_id", functionIds.FirstOrDefault(static id => !Id.IsValid(id, Id.Function)), "an id with the prefix fn-");
        ThrowIfAny(faults);
    }

    public static void Check(UpdateAutoscalerRequest request)
    {
        var faults = new List<string>();
        var settings = request.Settings ?? new ScalingSettings();
        Require(faults, Id.IsValid(request.AppId, Id.App), "app_id", request.AppId, "an id with the prefix ap-");
        Require(faults, Id.IsValid(request.FunctionId, Id.Function), "function_id", request.FunctionId, "an id with the prefix fn-");
        Require(faults, !settings.HasMinContainers || settings.MinContainers >= 0, "MinContainers", settings.MinContainers, "0 or more");
        Require(faults, !settings.HasMaxContainers || settings.MaxContainers >= 1, "MaxContainers", settings.MaxContainers, "1 or more");
        Require(faults, !settings.HasBufferContainers || settings.BufferContainers is >= 0 and <= 1000, "BufferContainers", settings.BufferContainers, "from 0 to 1,000");
        Require(faults, !settings.HasScaledownWindowMs || settings.ScaledownWindowMs is >= 2_000 and <= 1_200_000, "ScaledownWindowSeconds", settings.ScaledownWindowMs / 1000.0, "from 2 to 1,200");
        ThrowIfAny(faults);
    }

    private static void Check(IEnumerable<FunctionSpec> functions, List<string> faults)
    {
        foreach (var f in functions)
        {
            var name = f.Name.Length > 0 ? f.Name : f.FunctionId;
            Require(faults, Id.IsValid(f.FunctionId, Id.Function), $"{name}: function_id", f.FunctionId, "an id with the prefix fn-");
            Require(faults, f.Name.Length is > 0 and <= 512, $"{name}: name", f.Name.Length, "1 to 512 characters");
            Require(faults, f.Assembly.Length > 0 && !f.Assembly.Contains('/', StringComparison.Ordinal), $"{name}: assembly", f.Assembly, "the simple name of an assembly");
            Require(faults, f.Methods.Count > 0, $"{name}: methods", f.Methods.Count, "at least one");
            CheckResources(name, f.Resources ?? new Resources(), faults);
            Require(faults, f.TimeoutMs is >= 0 and <= MaxMs, $"{name}: TimeoutSeconds", f.TimeoutMs / 1000.0, "0 or from 1 to 86,400");
            Require(faults, f.StartupTimeoutMs is >= 0 and <= MaxMs, $"{name}: StartupTimeoutSeconds", f.StartupTimeoutMs / 1000.0, "0 or from 1 to 86,400");
            Require(faults, f.ScaledownWindowMs is 0 or (>= 2_000 and <= 1_200_000), $"{name}: ScaledownWindowSeconds", f.ScaledownWindowMs / 1000.0, "0 or from 2 to 1,200");
            Require(faults, f.MaxConcurrentInputs is >= 0 and <= 1000, $"{name}: MaxConcurrentInputs", f.MaxConcurrentInputs, "from 0 to 1,000");
            var concurrent = Math.Max(1, f.MaxConcurrentInputs);
            Require(faults, f.TargetConcurrentInputs >= 0 && f.TargetConcurrentInputs <= concurrent, $"{name}: TargetConcurrentInputs", f.TargetConcurrentInputs,
                $"from 0 to MaxConcurrentInputs ({concurrent})");
            Require(faults, !f.SingleUseContainers || concurrent == 1, $"{name}: MaxConcurrentInputs", f.MaxConcurrentInputs, "0 or 1 with SingleUseContainers");
            Require(faults, f.BatchMaxSize is >= 0 and <= 1000, $"{name}: batch MaxSize", f.BatchMaxSize, "from 1 to 1,000");
            Require(faults, f.BatchWaitMs is >= 0 and <= 600_000, $"{name}: batch WaitMs", f.BatchWaitMs, "from 0 to 600,000");
            Require(faults, f.BatchMaxSize == 0 || concurrent == 1, $"{name}: MaxConcurrentInputs", f.MaxConcurrentInputs, "0 or 1 for a batched function: its container works on one batch at a time");
            Require(faults, f.BatchMaxSize == 0 || f.Methods.Count == 1, $"{name}: methods", f.Methods.Count, "one for a batched function");
            Require(faults, f.BufferContainers is >= 0 and <= 1000, $"{name}: BufferContainers", f.BufferContainers, "from 0 to 1,000");
            Require(faults, f.Retries is >= 0 and <= 10, $"{name}: Retries", f.Retries, "from 0 to 10");
            Require(faults, f.RetryBackoff is 0 or (>= 1 and <= 10), $"{name}: RetryBackoff", f.RetryBackoff, "0 or from 1 to 10");
            Require(faults, f.RetryInitialDelayMs is >= 0 and <= 60_000, $"{name}: RetryInitialDelaySeconds", f.RetryInitialDelayMs / 1000.0, "from 0 to 60");
            Require(faults, f.RetryMaxDelayMs is 0 or (>= 1_000 and <= 60_000), $"{name}: RetryMaxDelaySeconds", f.RetryMaxDelayMs / 1000.0, "0 or from 1 to 60");
            CheckCluster(name, f, faults);
            CheckVolumes(name, f.Volumes, faults);
            Require(faults, f.Priority is >= -10 and <= 10, $"{name}: Priority", f.Priority, "from -10 to 10");
            Require(faults, f.MinContainers >= 0 && f.MaxContainers >= 0 && (f.MaxContainers == 0 || f.MinContainers <= f.MaxContainers),
                $"{name}: MinContainers", f.MinContainers, $"0 or more and at most MaxContainers ({f.MaxContainers})");
            foreach (var layer in f.Image?.Layers.Where(l => l.Operation != "debian-slim") ?? [])
            {
                Require(faults, false, $"{name}: Image", layer.Operation, "debian-slim, the only base of this version");
            }
        }
    }

    private static void CheckCluster(string name, FunctionSpec f, List<string> faults)
    {
        Require(faults, f.ClusterSize is >= 0 and <= 64, $"{name}: cluster size", f.ClusterSize, "from 0 to 64");
        if (f.ClusterSize is > 1 and <= 64)
        {
            var multiple = $"a multiple of {f.ClusterSize}, the size of its clusters";
            Require(faults, f.BatchMaxSize == 0, $"{name}: batch MaxSize", f.BatchMaxSize, "0 in clusters, which take each input together");
            Require(faults, f.MinContainers % f.ClusterSize == 0, $"{name}: MinContainers", f.MinContainers, multiple);
            Require(faults, f.MaxContainers % f.ClusterSize == 0, $"{name}: MaxContainers", f.MaxContainers, multiple);
            Require(faults, f.BufferContainers % f.ClusterSize == 0, $"{name}: BufferContainers", f.BufferContainers, multiple);
        }
    }

    // The client's compiler checks more; a worker relies on these.
    private static void CheckVolumes(string name, Google.Protobuf.Collections.RepeatedField<VolumeMount> volumes, List<string> faults)
    {
        foreach (var volume in volumes)
        {
            Require(faults, VolumePaths.FindFault(volume.Path) is null, $"{name}: volume path", volume.Path, VolumePaths.FindFault(volume.Path) ?? "");
            Require(faults, Id.IsValid(volume.VolumeId, Id.Volume), $"{name}: volume_id", volume.VolumeId, "an id with the prefix vo-");
            Require(faults, volume.SubPath.Split('/').All(static n => n is not ("." or "..")), $"{name}: sub_path", volume.SubPath, "a relative path without '.' and '..'");
        }

        Require(faults, volumes.Select(static v => v.Path.TrimEnd('/')).Distinct(StringComparer.Ordinal).Count() == volumes.Count, $"{name}: volume paths", string.Join(", ", volumes.Select(static v => v.Path)), "different");
        Require(faults, volumes.Select(static v => v.VolumeId).Distinct(StringComparer.Ordinal).Count() == volumes.Count, $"{name}: volumes", string.Join(", ", volumes.Select(static v => v.Name)), "different: a volume has one path in a container");
        Require(faults, !volumes.Any(v => volumes.Any(o => o != v && v.Path.StartsWith(o.Path.TrimEnd('/') + "/", StringComparison.Ordinal))), $"{name}: volume paths", string.Join(", ", volumes.Select(static v => v.Path)), "beside each other, not one within the other");
    }

    private static void CheckResources(string name, Resources r, List<string> faults)
    {
        Require(faults, r.CpuCores is >= 0 and <= 1024, $"{name}: Cpu", r.CpuCores, "from 0 to 1,024 cores");
        Require(faults, r.CpuLimitCores == 0 || (r.CpuLimitCores >= r.CpuCores && r.CpuLimitCores is >= 0.01 and <= 1024), $"{name}: CpuLimit", r.CpuLimitCores,
            $"0 or from Cpu ({r.CpuCores}) to 1,024 cores");
        Require(faults, r.MemoryMib is 0 or (>= 64 and <= 16 * 1024 * 1024), $"{name}: MemoryMiB", r.MemoryMib, "0 or from 64 MiB to 16 TiB");
        Require(faults, r.MemoryLimitMib == 0 || (r.MemoryLimitMib >= Math.Max(64, r.MemoryMib) && r.MemoryLimitMib <= 16 * 1024 * 1024), $"{name}: MemoryLimitMiB", r.MemoryLimitMib,
            $"0 or from MemoryMiB ({r.MemoryMib}) to 16 TiB");
        Require(faults, r.EphemeralDiskMib is 0 or (>= 16 and <= 3_145_728), $"{name}: EphemeralDiskMiB", r.EphemeralDiskMib, "0 or from 16 MiB to 3 TiB");
        if (!GpuRequest.TryParse(r.Gpu, out _, out var fault))
        {
            faults.Add($"{name}: Gpu is '{r.Gpu}'; {fault}");
        }
    }

    internal static void Require(List<string> faults, bool holds, string what, object? value, string allowed)
    {
        if (!holds)
        {
            faults.Add($"{what} is '{value}'; it must be {allowed}.");
        }
    }

    internal static void ThrowIfAny(List<string> faults)
    {
        if (faults.Count > 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, string.Join(' ', faults)));
        }
    }
}
