using Modal.Backend.ControlPlane.Placing;
using Modal.Protocol;

namespace Modal.Benchmarks.Placing;

/// <summary>The floor: looks at every worker for every container, with the same filters and nearly the same score, and nothing else.</summary>
internal sealed class FullScan(IReadOnlyList<WorkerDescription> workers)
{
    private readonly Worker[] _workers = [.. workers.Select(w => new Worker(w))];
    private readonly Dictionary<string, (Worker Worker, ResourceNeed Need, List<int> Gpus)> _placed = new(StringComparer.Ordinal);

    public void Hold(int worker, string key) => _workers[worker].Holdings.Add(key);

    public bool Place(string container, ResourceNeed need)
    {
        var alternatives = GpuRequest.TryParse(need.Gpu, out var read, out _) ? read : [];
        for (var i = 0; i < Math.Max(1, alternatives.Count); i++)
        {
            var gpu = alternatives.Count > 0 ? alternatives[i] : null;
            var (best, bestCost) = ((Worker?)null, double.MaxValue);
            foreach (var worker in _workers)
            {
                if (worker.CanHold(need, gpu) && worker.CostOf(need, gpu) is var cost && cost < bestCost)
                {
                    (best, bestCost) = (worker, cost);
                }
            }

            if (best is not null)
            {
                _placed.Add(container, (best, need, best.Take(need, gpu)));
                return true;
            }
        }

        return false;
    }

    public void Release(string container)
    {
        if (_placed.Remove(container, out var placed))
        {
            placed.Worker.Give(placed.Need, placed.Gpus);
        }
    }

    private sealed class Worker(WorkerDescription description)
    {
        private readonly bool[] _taken = new bool[description.Gpus.Count];
        private double _cores = description.CpuCores;
        private long _memory = description.MemoryMiB;

        public HashSet<string> Holdings { get; } = new(StringComparer.Ordinal);

        public bool CanHold(ResourceNeed need, GpuRequest? gpu) => _cores >= need.CpuCores && _memory >= need.MemoryMiB && description.Pool == need.Pool
            && (need.Regions.Count == 0 || need.Regions.Contains(description.Region)) && (gpu is null || FreeGpus(gpu).Count() >= gpu.Count);

        public double CostOf(ResourceNeed need, GpuRequest? gpu) => (_cores / description.CpuCores) + (gpu is null && _taken.Length > 0 ? 5 : 0) - need.LocalKeys.Count(Holdings.Contains);

        public List<int> Take(ResourceNeed need, GpuRequest? gpu)
        {
            List<int> gpus = gpu is null ? [] : [.. FreeGpus(gpu).Take(gpu.Count)];
            gpus.ForEach(g => _taken[g] = true);
            (_cores, _memory) = (_cores - need.CpuCores, _memory - need.MemoryMiB);
            return gpus;
        }

        public void Give(ResourceNeed need, List<int> gpus)
        {
            gpus.ForEach(g => _taken[g] = false);
            (_cores, _memory) = (_cores + need.CpuCores, _memory + need.MemoryMiB);
        }

        private IEnumerable<int> FreeGpus(GpuRequest gpu)
        {
            for (var i = 0; i < _taken.Length; i++)
            {
                if (!_taken[i] && gpu.Accepts(description.Gpus[i].Model))
                {
                    yield return i;
                }
            }
        }
    }
}
