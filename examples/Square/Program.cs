using Modal;
using static Jobs.Remote;

Console.WriteLine(await Square.CallAsync(4));

await foreach (var y in Square.Map(Enumerable.Range(0, 10)))
{
    Console.WriteLine(y);
}

Vec scaled = await Scale.CallAsync(new Vec(1, 2), by: 3);
Console.WriteLine(scaled);

public record Vec(double X, double Y);

static partial class Jobs
{
    [Function]
    public static int Square(int x)
    {
        Console.WriteLine($"squaring {x}");
        return x * x;
    }

    [Function(Cpu = 0.5, MemoryMiB = 512)]
    public static async Task<Vec> Scale(Vec v, double by = 2, CancellationToken cancellationToken = default)
    {
        await Task.Delay(10, cancellationToken);
        return new Vec(v.X * by, v.Y * by);
    }
}
