namespace Modal.Generators.Tests.Snapshots;

/// <summary>Programs that the snapshots and the caching tests share.</summary>
internal static class Samples
{
    public const string Functions = """
        namespace Demo
        {
            public record Vec(double X, double Y);
            public enum Color : byte { Red, Green = 5 }

            public static partial class Jobs
            {
                static Image Torch => Image.DebianSlim();

                /// <summary>Squares.</summary>
                /// <param name="x">The number.</param>
                [Function(Gpu = "H100", Image = nameof(Torch), TimeoutSeconds = 600, Retries = 3)]
                static int Square(int x) => x * x;

                [Function(Cpu = 2, MemoryMiB = 512)]
                static async Task<Vec?> Scale(Vec v, double by = 2, CancellationToken ct = default) { await Task.Delay(1, ct); return v with { X = v.X * by }; }

                [Function] static void Nothing() { }
                [Function] static Task Later(string text) => Task.CompletedTask;
                [Function] static ValueTask<string?> Maybe(string? text) => new(text);
                [Function] static async IAsyncEnumerable<Color> Colors(int count, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
                {
                    for (var i = 0; i < count; i++) { await Task.Delay(1, cancellationToken); yield return Color.Green; }
                }
            }
        }
        """;

    public const string Service = """
        /// <summary>Answers.</summary>
        [Service(Gpu = "A100:2", MinContainers = 1)]
        sealed partial class Model(string name, int layers = 2) : IAsyncDisposable
        {
            [Enter(Snapshot = true)] Task LoadAsync() => Task.CompletedTask;
            [Enter] void Warm(CancellationToken token) { }
            /// <summary>Generates.</summary>
            [Function] string Generate(string prompt) => name + layers + prompt;
            [Function] async IAsyncEnumerable<string> Stream(string prompt) { await Task.Yield(); yield return prompt; }
            [Exit] ValueTask CloseAsync() => default;
            ValueTask IAsyncDisposable.DisposeAsync() => default;
        }
        """;

    public const string Batched = """
        public static partial class Jobs
        {
            /// <summary>Lengths.</summary>
            [Function(Gpu = "H100"), Batched(MaxSize = 32, WaitMs = 100)]
            static int[] Lengths(string[] texts) => Array.ConvertAll(texts, t => t.Length);

            [Function, Batched(MaxSize = 4)]
            static async Task<List<string?>> Names(IReadOnlyList<int?> numbers, CancellationToken token) { await Task.Delay(1, token); var names = new List<string?>(); foreach (var n in numbers) names.Add(n?.ToString()); return names; }
        }

        [Service]
        public sealed partial class Embedder
        {
            [Function, Batched(MaxSize = 64, WaitMs = 20)] public ValueTask<IReadOnlyList<float[]>> Embed(List<string> texts) => new(texts.ConvertAll(t => new float[] { t.Length }));
        }
        """;

    public const string Clustered = """
        public static partial class Jobs
        {
            [Function(MaxContainers = 8, MinContainers = 4), Clustered(Size = 4)]
            static int Rank(int x) => ClusterInfo.Current?.Rank ?? x;
        }

        [Service, Clustered(Size = 2)]
        public sealed partial class Trainer
        {
            [Function] public int Train(int steps) => steps;
        }
        """;

    public const string Names = """
        namespace @namespace.Inner
        {
            partial class Program
            {
                internal partial struct @class
                {
                    internal enum E { None = 0, Negative = -1 }
                    internal record struct @record(int @int, string? @string);
                    [Function] internal static @record? @static(
                        @record @event, string @default = "a\"b\\\n\0é", char c = '\'', decimal m = 1.50m, float f = float.NaN, double d = double.NegativeInfinity, ulong u = ulong.MaxValue,
                        long l = long.MinValue, E e = E.Negative, E? maybe = E.None, Guid g = default, int? none = null, string? text = null, bool b = true, byte y = 3) => @event;
                    [Function] internal static int Sum(params int[] numbers) => numbers.Length;
                    [Function] internal static int Token(int cancellationToken, CancellationToken token) => cancellationToken;
                    [Function] internal static int Items(int Item2, int Rest) => Item2;
                    [Function] internal static int ItemsFunction() => 1;
                    [Function] internal static (int a, string b) Middle(CancellationToken first, (int x, List<string?> y) tuple, int[][] jagged) => (1, "");
                }
            }
        }
        """;

    public const string Stored = """
        namespace Demo
        {
            public record Job(int Id, string? Name);

            public static partial class Work
            {
                static Secret Api => Secret.FromName("api", requiredKeys: "TOKEN");
                static readonly Modal.Queue<Job> Jobs = Modal.Queue.FromName<Job>("jobs");
                static Dict<string, int?> Counts() => Dict.Ephemeral<string, int?>();

                [Function(Secrets = [nameof(Api)])] static async Task<int> Take() => (await Jobs.GetAsync()).Id;
            }
        }
        """;

    public const string Images = """
        namespace Demo
        {
            public static class Versions { public const string Torch = "2.5.1"; public static readonly string[] Tools = ["git", "curl"]; }

            public static partial class Trained
            {
                static readonly Image Base = Image.FromRegistry("ubuntu:24.04").AptInstall([.. Versions.Tools, "python3-pip"]);
                static Image Torch => Base.PipInstall(new PipOptions { IndexUrl = "https://pypi.example.com", Secrets = [Secret.FromEnvironment("TOKEN")], Gpu = "H100" }, $"torch=={Versions.Torch}");
                static Image Local => Torch.AddLocalDirectory("data", "/srv/data", ignore: ["*.log", "bin"]).Env("QUOTE", "\"é\"");
                static Image Asked => Base.Env("WHO", Environment.GetEnvironmentVariable("USER") ?? "nobody");

                [Function(Image = nameof(Torch))] static int Train(int x) => x;
                [Function(Image = nameof(Local))] static int Read(int x) => x;
                [Function(Image = nameof(Asked))] static int Ask(int x) => x;
            }

            [Service(Image = nameof(Own))]
            public partial class Model
            {
                static Image Own { get; } = Image.DebianSlim().ForceBuild();
                [Function] int Predict(int x) => x;
            }
        }
        """;
}
