namespace Modal;

/// <summary>What became of one argument of a Map that keeps exceptions: a value or the exception.</summary>
/// <typeparam name="T">The function's result.</typeparam>
public readonly record struct Outcome<T>
{
    private readonly T _value;

    internal Outcome(long index, T value)
    {
        Index = index;
        _value = value;
    }

    internal Outcome(long index, Exception exception)
    {
        Index = index;
        _value = default!;
        Exception = exception;
    }

    /// <summary>Position of the argument, from 0.</summary>
    public long Index { get; }

    /// <summary>Why there is no value; null if there is one.</summary>
    public Exception? Exception { get; }

    /// <summary>Whether there is a value.</summary>
    public bool IsSuccess => Exception is null;

    /// <summary>The value.</summary>
    /// <exception cref="ModalException">There is none: <see cref="Exception"/> is thrown.</exception>
    public T Value
    {
        get
        {
            if (Exception is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(Exception);
            }

            return _value;
        }
    }
}
