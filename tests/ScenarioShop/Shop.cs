namespace Modal.ScenarioShop;

/// <summary>Functions that are deployed.</summary>
public static partial class Shop
{
    [Function]
    public static int Square(int x) => x * x;

    [Function(MaxContainers = 2)]
    public static async Task<int> Add(int x, int y, CancellationToken cancellationToken)
    {
        await Task.Delay(1, cancellationToken);
        return x + y;
    }
}

/// <summary>A service that is deployed.</summary>
[Service(MaxContainers = 1)]
public sealed partial class Till(string name, int start)
{
    private int _count = start;

    [Function]
    public string Next() => $"{name} {++_count}";
}
