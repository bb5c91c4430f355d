namespace Modal.Benchmarks.ColdStart;

/// <summary>A service that holds 500 MB of what real programs hold: many small objects, text and tables of numbers.</summary>
[Service(ScaledownWindowSeconds = 2, MaxContainers = 1, MemoryMiB = 2048)]
public sealed partial class HeavyService
{
    private Heap? _heap;

    [Enter(Snapshot = true)]
    public void Load() => _heap = Heap.Make();

    [Function]
    public long Count() => _heap!.Count();
}

/// <summary>Another function on the same image that holds the same.</summary>
[Service(ScaledownWindowSeconds = 2, MaxContainers = 1, MemoryMiB = 2048)]
public sealed partial class OtherHeavyService
{
    private Heap? _heap;

    [Enter(Snapshot = true)]
    public void Load() => _heap = Heap.Make();

    [Function]
    public string Describe() => $"{_heap!.Count()} things";
}

/// <summary>The heap: a table of weights (400 MB, as of a model), and a dictionary of texts (100 MB).</summary>
internal sealed class Heap
{
    private readonly List<float[]> _weights = [];
    private readonly Dictionary<int, string> _texts = [];

    public static Heap Make()
    {
        var heap = new Heap();
        var random = new Random(1);
        for (var layer = 0; layer < 100; layer++)
        {
            // Quantized, as weights that are served are: 256 values.
            var weights = new float[1024 * 1024];
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = (random.Next(256) - 128) / 128f;
            }

            heap._weights.Add(weights);
        }

        for (var i = 0; i < 600_000; i++)
        {
            heap._texts.Add(i, $"entry {i} of the dictionary that this service holds, {random.Next(1000)}");
        }

        return heap;
    }

    public long Count() => _weights.Sum(static w => (long)w.Length) + _texts.Count;
}
