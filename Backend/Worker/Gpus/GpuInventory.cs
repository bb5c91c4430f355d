using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Gpus.Native;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Protocol;

namespace Modal.Backend.Worker.Gpus;

/// <summary>
/// The GPUs of this machine: which there are, what they do, and who has which. One that fails is left out and never takes the worker down with it. Safe for many threads.
/// </summary>
internal sealed class GpuInventory : IDisposable
{
    // Of the driver, for all its GPUs: control and memory. Programs fail without them.
    private static readonly string[] s_sharedNodes = ["nvidiactl", "nvidia-uvm"];

    private readonly Nvml? _nvml;
    private readonly string _driverVersion = "";
    private readonly IReadOnlyList<DeviceNode> _shared = [];
    private readonly IReadOnlyList<BindMount> _libraries = [];
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _held = new(StringComparer.Ordinal);
    private readonly HashSet<string> _failed = new(StringComparer.Ordinal);
    private List<Gpu> _gpus = [];
    private TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public GpuInventory(IOptions<WorkerOptions> options, ILogger<GpuInventory> logger)
    {
        var o = options.Value;
        _logger = logger;
        if (o.Gpus is { Count: 0 })
        {
            return;
        }

        try
        {
            _nvml = Nvml.TryLoad(o.NvmlPath);
            if (_nvml is null)
            {
                return;
            }

            _driverVersion = _nvml.DriverVersion();
            _gpus = Find(_nvml, o);
        }
        catch (NvmlException e)
        {
            Log.GpusNotUsable(logger, e.Message);
        }

        if (_gpus.Count == 0)
        {
            return;
        }

        var nodes = s_sharedNodes.ToDictionary(name => name, name => DeviceNode.TryFind(o.GpuDeviceDirectory, name), StringComparer.Ordinal);
        if (nodes.Where(static n => n.Value is null).Select(n => Path.Combine(o.GpuDeviceDirectory, n.Key)).ToArray() is { Length: > 0 } missing)
        {
            Log.GpusNotUsable(logger, $"There is no device node {string.Join(" and no ", missing)}; 'nvidia-modprobe -c 0 -u' makes them.");
            _gpus = [];
            return;
        }

        _shared = [.. nodes.Values.OfType<DeviceNode>(), .. new[] { DeviceNode.TryFind(o.GpuDeviceDirectory, "nvidia-uvm-tools") }.OfType<DeviceNode>()];
        _libraries = GpuLibraries.Find(o.GpuLibraryDirectory);
        if (!_libraries.Any(static l => l.Inside.EndsWith("/libcuda.so.1", StringComparison.Ordinal)))
        {
            Log.GpuLibrariesMissing(logger);
        }

        Log.GpusFound(logger, string.Join(", ", _gpus.Select(static g => g.Model)), _driverVersion);
    }

    /// <summary>Those that work.</summary>
    public IReadOnlyList<Gpu> Gpus
    {
        get
        {
            lock (_gate)
            {
                return [.. _gpus];
            }
        }
    }

    /// <summary>The driver's version; empty without GPUs.</summary>
    public string DriverVersion => _driverVersion;

    /// <summary>Gives none to anyone: what containers run in cannot use them.</summary>
    public void Exclude(string reason)
    {
        lock (_gate)
        {
            _gpus = [];
        }

        Log.GpusNotUsable(_logger, reason);
    }

    /// <summary>What they do now. One that does not answer any more is left out from now on.</summary>
    public IReadOnlyList<WorkerGpuMetrics> Measure() => [.. Gpus.Select(Measure).OfType<WorkerGpuMetrics>()];

    /// <summary>Waits until these are free and takes them.</summary>
    /// <exception cref="SandboxStartException">One is not on this machine, or does not work any more.</exception>
    public Task<GpuLease> HoldAsync(IReadOnlyCollection<string> uuids, CancellationToken cancellationToken) => TakeAsync(
        () =>
        {
            var found = _gpus.Where(g => uuids.Contains(g.Uuid)).ToArray();
            if (found.Length < uuids.Count)
            {
                var missing = uuids.Except(found.Select(static g => g.Uuid));
                throw new SandboxStartException($"The worker has no working GPU {string.Join(" and no ", missing)}. {Have()}");
            }

            return found.Any(g => _held.Contains(g.Uuid)) ? null : found;
        },
        cancellationToken);

    /// <summary>Waits until GPUs that will do are free and takes them: the first alternative that this machine has at all.</summary>
    /// <param name="request">As in Resources.gpu.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    /// <exception cref="SandboxStartException">There are none such on this machine.</exception>
    public Task<GpuLease> LendAsync(string request, CancellationToken cancellationToken)
    {
        if (!GpuRequest.TryParse(request, out var alternatives, out var fault))
        {
            throw new SandboxStartException($"The request for GPUs is wrong: {fault}");
        }

        return TakeAsync(
            () =>
            {
                var possible = alternatives.Where(a => _gpus.Count(g => a.Accepts(g.Model)) >= a.Count).ToArray();
                if (possible.Length == 0)
                {
                    throw new SandboxStartException($"The worker has no GPU {request}. {Have()}");
                }

                return possible.Select(a => _gpus.Where(g => a.Accepts(g.Model) && !_held.Contains(g.Uuid)).Take(a.Count).ToArray() is var free && free.Length == a.Count ? free : null)
                    .FirstOrDefault(static free => free is not null);
            },
            cancellationToken);
    }

    /// <summary>What a sandbox with these needs.</summary>
    public GpuAccess Access(IReadOnlyList<Gpu> gpus) => new(
        _driverVersion,
        [.. _shared, .. gpus.Select(static g => g.Node)],
        _libraries,
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["NVIDIA_VISIBLE_DEVICES"] = string.Join(',', gpus.Select(static g => g.Uuid)),
            ["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility",
            ["LD_LIBRARY_PATH"] = GpuLibraries.Inside,
        });

    /// <inheritdoc/>
    public void Dispose() => _nvml?.Dispose();

    private List<Gpu> Find(Nvml nvml, WorkerOptions options)
    {
        var found = new List<Gpu>();
        var count = nvml.DeviceCount();
        for (var i = 0; i < count; i++)
        {
            try
            {
                var device = nvml.DeviceHandle(i);
                var (uuid, name) = (nvml.Uuid(device), nvml.Name(device));
                if (options.Gpus is { } wanted && !wanted.Contains(uuid, StringComparer.OrdinalIgnoreCase))
                {
                    continue;
                }

                var memory = (long)(nvml.MemoryInfo(device).Total / 1024 / 1024);
                var node = $"nvidia{nvml.MinorNumber(device)}";
                if (DeviceNode.TryFind(options.GpuDeviceDirectory, node) is { } there)
                {
                    found.Add(new Gpu(uuid, GpuModel.Of(name, memory), name, memory, device, there));
                }
                else
                {
                    Log.GpuLeftOut(_logger, uuid, $"there is no device node {Path.Combine(options.GpuDeviceDirectory, node)}");
                }
            }
            catch (NvmlException e)
            {
                Log.GpuLeftOut(_logger, $"number {i}", e.Message);
            }
        }

        return found;
    }

    private WorkerGpuMetrics? Measure(Gpu gpu)
    {
        try
        {
            // Memory first: every GPU has it, so its failure is the GPU's.
            var used = (long)(_nvml!.MemoryInfo(gpu.Handle).Used / 1024 / 1024);
            return new WorkerGpuMetrics
            {
                Uuid = gpu.Uuid,
                MemoryUsedMib = used,
                UtilizationPercent = Optional(() => (int)_nvml.UtilizationRates(gpu.Handle).Gpu),
                TemperatureCelsius = Optional(() => _nvml.Temperature(gpu.Handle)),
                PowerMilliwatts = Optional(() => _nvml.PowerUsage(gpu.Handle)),
            };
        }
        catch (NvmlException e)
        {
            bool isNew;
            lock (_gate)
            {
                isNew = _failed.Add(gpu.Uuid);
                if (e.IsLost)
                {
                    _gpus = [.. _gpus.Where(g => g.Uuid != gpu.Uuid)];
                }
            }

            // Once: heartbeats ask again and again.
            if (isNew)
            {
                Log.GpuLeftOut(_logger, gpu.Uuid, e.Message);
            }

            return null;
        }
    }

    private static int Optional(Func<int> read)
    {
        try
        {
            return read();
        }
        catch (NvmlException e) when (e.IsNotSupported)
        {
            return 0;
        }
    }

    private async Task<GpuLease> TakeAsync(Func<Gpu[]?> choose, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task released;
            lock (_gate)
            {
                if (choose() is { } chosen)
                {
                    _held.UnionWith(chosen.Select(static g => g.Uuid));
                    return new GpuLease(chosen, () => Release(chosen));
                }

                released = _released.Task;
            }

            await released.WaitAsync(cancellationToken);
        }
    }

    private void Release(Gpu[] gpus)
    {
        TaskCompletionSource released;
        lock (_gate)
        {
            _held.ExceptWith(gpus.Select(static g => g.Uuid));
            (released, _released) = (_released, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        released.SetResult();
    }

    // Under the lock.
    private string Have() => _gpus.Count == 0 ? "It has none." : $"It has {string.Join(", ", _gpus.GroupBy(static g => g.Model).Select(static g => g.Count() == 1 ? g.Key : $"{g.Count()} {g.Key}"))}.";
}
