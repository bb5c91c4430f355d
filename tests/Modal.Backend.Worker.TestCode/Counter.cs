namespace Modal.Backend.Worker.TestCode;

/// <summary>A service with a start value, one [Enter] and one [Exit].</summary>
internal sealed class Counter
{
    private long _value;

    public Counter(long value) => _value = value;

    public async ValueTask EnterAsync()
    {
        await Task.Yield();
        if (_value < 0)
        {
            throw new InvalidOperationException("no entry");
        }

        if (_value == 1_000_000)
        {
            await Task.Delay(Timeout.Infinite);
        }

        _value += 100;
    }

    public long Add() => ++_value;

    public static ValueTask ExitAsync()
    {
        Console.WriteLine("bye");
        return ValueTask.CompletedTask;
    }
}
