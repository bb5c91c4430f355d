using System.Diagnostics;

namespace Modal.ScenarioApp;

/// <summary>Ordinary functions.</summary>
public static partial class Jobs
{
    [Function]
    public static int Square(int x) => x * x;

    [Function(MaxContainers = 2, MinContainers = 2)]
    public static int WarmSquare(int x) => x * x;

    [Function]
    public static byte[] Reverse(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        Array.Reverse(bytes);
        return bytes;
    }

    [Function(MaxContainers = 2)]
    public static async Task<int> SlowSquare(int x, int milliseconds, CancellationToken cancellationToken)
    {
        await Task.Delay(milliseconds, cancellationToken);
        return x * x;
    }

    /// <summary>Prints by every way there is: managed streams, a child process.</summary>
    [Function]
    public static int Talk(int x)
    {
        Console.WriteLine($"managed out {x}");
        Console.Error.WriteLine($"managed err {x}");
        using var child = Process.Start("/bin/sh", ["-c", $"echo child out {x}; echo child err {x} >&2"]);
        child.WaitForExit();
        Console.WriteLine($"after child {x}");
        return x;
    }

    [Function]
    public static async IAsyncEnumerable<int> Count(int n)
    {
        for (var i = 0; i < n; i++)
        {
            await Task.Yield();
            yield return i;
        }
    }

    [Function]
    public static void Nothing(string text) => Console.WriteLine(text);

    [Function(MaxConcurrentInputs = 8, MaxContainers = 1)]
    public static async Task<int> Together(int x, CancellationToken cancellationToken)
    {
        await Task.Delay(200, cancellationToken);
        return x;
    }
}
