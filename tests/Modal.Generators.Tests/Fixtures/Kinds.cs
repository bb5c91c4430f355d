using System.Runtime.CompilerServices;

namespace Modal.Generators.Tests.Fixtures;

/// <summary>Every kind of signature, on methods that are private as users' are.</summary>
internal static partial class Kinds
{
    public static readonly List<string> Calls = [];

    private static Image Own { get; } = Image.DebianSlim();

    [Function(Cpu = 0.5, Image = nameof(Own), Retries = 2, BlockNetwork = true)]
    private static int Sync(int x) => x + 1;

    [Function] private static void Nothing(string text) => Calls.Add(text);
    [Function] private static async Task<int> Later(int x) { await Task.Yield(); return x + 1; }
    [Function] private static Task<int> Already(int x) => Task.FromResult(x + 1);
    [Function] private static async ValueTask<int> ValueLater(int x) { await Task.Yield(); return x + 1; }
    [Function] private static async Task OnlyTask(string text) { await Task.Yield(); Calls.Add(text); }
    [Function] private static ValueTask OnlyValueTask(string text) { Calls.Add(text); return default; }
    [Function] private static bool Token(int x, CancellationToken token, int y = 1) => token.CanBeCanceled && x == y;
    [Function] private static string Defaults(string a, int b = 2, string c = "three") => $"{a} {b} {c}";
    [Function] private static int Sum(params int[] numbers) => numbers.Sum();
    [Function] private static int Throws(int x) => throw new InvalidOperationException($"on purpose {x}");
    [Function] private static Task<int> ThrowsLater(int x) => Task.FromException<int>(new InvalidOperationException($"later {x}"));

    [Function]
    private static async IAsyncEnumerable<int> Count(int n, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var i = 0; i < n; i++)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            yield return i;
        }
    }
}

/// <summary>Every shape of a batched method.</summary>
internal static partial class Batches
{
    public static readonly List<int> Sizes = [];

    [Function(Retries = 1), Batched(MaxSize = 8, WaitMs = 50)]
    private static int[] Squares(int[] numbers) { Sizes.Add(numbers.Length); return [.. numbers.Select(n => n * n)]; }

    [Function, Batched(MaxSize = 1000)]
    private static async Task<List<string?>> Upper(IReadOnlyList<string?> texts, CancellationToken token) { await Task.Yield(); return [.. texts.Select(t => token.CanBeCanceled ? t?.ToUpperInvariant() : "no token")]; }

    [Function, Batched(MaxSize = 2)]
    private static ValueTask<IReadOnlyList<int[]>> Reversed(List<int[]> lists, CancellationToken token = default) => new(lists.ConvertAll(l => l.Reverse().ToArray()));

    [Function, Batched(MaxSize = 4)]
    private static int[] OneLess(int[] numbers) => numbers[1..];

    [Function, Batched(MaxSize = 4)]
    private static int[] Null(int[] numbers) => null!;
}

[Service(Retries = 2)]
internal sealed partial class Scorer(int by)
{
    [Function, Batched(MaxSize = 16, WaitMs = 5)] private Task<double[]> Score(double[] values) => Task.FromResult(values.Select(v => v * by).ToArray());
}

internal class BaseService
{
    public List<string> Log { get; } = [];

    [Enter] protected virtual void Begin() => Log.Add("base enter");
    [Exit] protected void End() => Log.Add("base exit");
}

[Service(MaxContainers = 1)]
internal sealed partial class Counting(string name, int start = 10) : BaseService, IDisposable
{
    private int _count = start;

    public static Counting? Last { get; private set; }

    [Enter] protected override void Begin() { base.Begin(); Log.Add("override"); }
    [Enter(Snapshot = true)] private Task LoadAsync(CancellationToken token) { Log.Add("load"); Last = this; return Task.CompletedTask; }
    [Function] private string Next(int by = 1) => $"{name} {_count += by}";
    [Function] private async Task<string> NextLater() { await Task.Yield(); return Next(); }

    [Function]
    private async IAsyncEnumerable<string> Some(int n)
    {
        for (var i = 0; i < n; i++)
        {
            await Task.Yield();
            yield return $"{name} {i}";
        }
    }

    [Exit] private ValueTask CloseAsync() { Log.Add("close"); return default; }
    public void Dispose() => Log.Add("dispose");
}
