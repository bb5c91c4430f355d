using System.Runtime.CompilerServices;

namespace Modal.ScenarioApp;

/// <summary>Functions that go wrong, each in its own way. A negative argument goes wrong, others give the argument back.</summary>
public static partial class Trouble
{
    private static readonly List<byte[]> s_hoard = [];

    [Function(MaxContainers = 1)]
    public static int Throw(int x) => x >= 0 ? x : throw new InvalidOperationException("it went wrong", new FormatException("because of this"));

    [Function(MaxContainers = 1)]
    public static int Exit(int x)
    {
        if (x < 0)
        {
            Environment.Exit(-x);
        }

        return x;
    }

    [Function(MaxContainers = 1)]
    public static int FailFast(int x)
    {
        if (x < 0)
        {
            Environment.FailFast("on purpose");
        }

        return x;
    }

    [Function(MaxContainers = 1)]
    public static int Overflow(int x) => x >= 0 ? x : Recurse(x);

    [Function(MaxContainers = 1, MemoryMiB = 256)]
    public static int Allocate(int x)
    {
        while (x < 0)
        {
            var block = new byte[8 * 1024 * 1024];
            Array.Fill(block, (byte)1);
            s_hoard.Add(block);
        }

        return x;
    }

    [Function(MaxContainers = 1)]
    public static int PrintMuch(int megabytes)
    {
        var line = new string('x', 1023);
        for (var i = 0; i < megabytes * 1024; i++)
        {
            Console.WriteLine(line);
        }

        return megabytes;
    }

    [Function(MaxContainers = 1, TimeoutSeconds = 1)]
    public static int Sleep(int x)
    {
        if (x < 0)
        {
            Thread.Sleep(Timeout.Infinite);
        }

        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Recurse(int x) => Recurse(x - 1) + 1;
}
