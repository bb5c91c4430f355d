using Modal.Protocol;
using Modal.Serialization;

namespace Modal.Backend.Runner.Failures;

/// <summary>Turns what user code threw into the record that crosses the wire.</summary>
internal static class FailureFactory
{
    // A message can be megabytes (a dumped document); the caller needs its beginning.
    private const int MaxMessageChars = 64 * 1024;

    // Cycles cannot occur, but generated chains can be thousands deep.
    private const int MaxDepth = 32;

    private const string OwnFrames = "   at Modal.Backend.Runner.";

    /// <summary>The failure of an attempt whose code threw.</summary>
    /// <param name="exception">What it threw.</param>
    /// <param name="cancelled">Whether the attempt had been cancelled before.</param>
    public static Failure OfAttempt(Exception exception, bool cancelled)
    {
        var info = Describe(exception, 0);
        return exception switch
        {
            OperationCanceledException when cancelled => new Failure { Kind = FailureKind.Cancelled, Message = "The caller cancelled.", Exception = info },
            OutOfMemoryException => new Failure
            {
                Kind = FailureKind.OutOfMemory,
                Message = "The container ran out of memory: the code allocated more than MemoryMiB allows. Raise MemoryMiB or allocate less.",
                Exception = info,
            },
            PayloadException => new Failure { Kind = FailureKind.Serialization, Message = info.Message, Exception = info },
            _ => new Failure { Kind = FailureKind.UserException, Message = Cut($"{info.Type}: {info.Message}"), Exception = info },
        };
    }

    /// <summary>The failure of a container that could not start.</summary>
    /// <param name="what">What was being done, such as "Loading Jobs.dll".</param>
    /// <param name="exception">What it threw.</param>
    public static Failure OfStart(string what, Exception exception) => new()
    {
        Kind = FailureKind.Startup,
        Message = Cut($"{what} failed: {exception.GetType().FullName}: {SafeMessage(exception)}"),
        Exception = Describe(exception, 0),
    };

    private static RemoteExceptionInfo Describe(Exception exception, int depth)
    {
        var info = new RemoteExceptionInfo
        {
            Type = exception.GetType().FullName ?? exception.GetType().Name,
            Message = Cut(SafeMessage(exception)),
            Stack = Cut(Stack(exception)),
        };
        if (depth < MaxDepth)
        {
            if (exception is AggregateException aggregate)
            {
                info.Inner.AddRange(aggregate.InnerExceptions.Select(inner => Describe(inner, depth + 1)));
            }
            else if (exception.InnerException is { } inner)
            {
                info.Inner.Add(Describe(inner, depth + 1));
            }
        }

        return info;
    }

    // The runner's own frames beneath the user's tell him nothing.
    private static string Stack(Exception exception)
    {
        try
        {
            return string.Join('\n', (exception.StackTrace ?? "").Split('\n').Select(line => line.TrimEnd('\r'))
                .Where(line => !line.StartsWith(OwnFrames, StringComparison.Ordinal)));
        }
#pragma warning disable CA1031 // An edge: user code may override StackTrace with anything, and the failure itself must still arrive.
        catch (Exception e)
        {
            return $"(no stack: {e.GetType().FullName})";
        }
#pragma warning restore CA1031
    }

    private static string SafeMessage(Exception exception)
    {
        try
        {
            return exception.Message ?? "";
        }
#pragma warning disable CA1031 // An edge, as above: Message is virtual.
        catch (Exception e)
        {
            return $"(the exception's Message threw {e.GetType().FullName})";
        }
#pragma warning restore CA1031
    }

    private static string Cut(string text) => text.Length <= MaxMessageChars
        ? text
        : string.Concat(text.AsSpan(0, MaxMessageChars), $"… (cut, {text.Length} characters in all)");
}
