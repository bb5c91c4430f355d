namespace Modal.Benchmarks.Functions;

/// <summary>What the benchmarks call.</summary>
public static partial class BenchmarkJobs
{
    /// <summary>Two containers from the start, as the peers have two workers.</summary>
    [Function(MinContainers = 2, MaxContainers = 2)]
    public static int Square(int x) => x * x;

    [Function(MinContainers = 1, MaxContainers = 1)]
    public static int SquareAlone(int x) => x * x;
}
