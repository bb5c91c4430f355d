namespace Modal.ScenarioApp;

/// <summary>A service with state.</summary>
[Service(MaxContainers = 1)]
public sealed partial class Counter(string name, int start = 10)
{
    private int _count = -1;

    [Enter]
    public void Begin()
    {
        _count = start;
        Console.WriteLine($"enter {name}");
    }

    [Function]
    public string Next() => $"{name} {++_count}";

    [Function]
    public async IAsyncEnumerable<string> Some(int n)
    {
        for (var i = 0; i < n; i++)
        {
            await Task.Yield();
            yield return $"{name} {i}";
        }
    }

    [Exit]
    public Task EndAsync()
    {
        Console.WriteLine($"exit {name}");
        return Task.CompletedTask;
    }
}

/// <summary>A service that cannot start.</summary>
[Service(MaxContainers = 1)]
public sealed partial class Unstartable
{
    [Enter]
    public void Begin() => throw new NotSupportedException("no model here");

    [Function]
    public int Get() => 1;
}
