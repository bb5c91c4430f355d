using Modal.Protocol;

namespace Modal;

/// <summary>How a detached call stands.</summary>
public enum FunctionCallState
{
    /// <summary>Some of its inputs have no result yet.</summary>
    Running = 1,

    /// <summary>All its inputs have a result; some may be failures.</summary>
    Finished = 2,

    /// <summary>It was cancelled.</summary>
    Cancelled = 3,

    /// <summary>It was finished, and its results are not kept any longer.</summary>
    Expired = 4,
}

/// <summary>A detached call at one moment.</summary>
public sealed record FunctionCallStatus
{
    /// <summary>The call's id.</summary>
    public required string Id { get; init; }

    /// <summary>The name of the function, such as <c>Jobs.Square</c>.</summary>
    public required string Function { get; init; }

    /// <summary>The id of its app.</summary>
    public required string AppId { get; init; }

    /// <summary>How it stands.</summary>
    public required FunctionCallState State { get; init; }

    /// <summary>How many arguments it has, one result each.</summary>
    public required long Inputs { get; init; }

    /// <summary>How many of them have a value.</summary>
    public required long Succeeded { get; init; }

    /// <summary>How many of them failed or were cancelled.</summary>
    public required long Failed { get; init; }

    /// <summary>How many of them are in a container now; the others without a result wait.</summary>
    public required long Running { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When its last result was made; null if it is not finished.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>When its results go; null if it is not finished.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Detached calls that were made in its inputs; empty unless the graph was asked for.</summary>
    public IReadOnlyList<FunctionCallStatus> Children { get; init; } = [];

    internal static FunctionCallStatus From(CallInfo info) => new()
    {
        Id = info.CallId,
        Function = info.FunctionName,
        AppId = info.AppId,
        State = (FunctionCallState)info.Status,
        Inputs = (long)info.Inputs,
        Succeeded = (long)info.Succeeded,
        Failed = (long)info.Failed,
        Running = (long)info.Running,
        Created = DateTimeOffset.FromUnixTimeMilliseconds(info.CreatedMs),
        Finished = info.FinishedMs > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(info.FinishedMs) : null,
        Expires = info.ExpiresMs > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(info.ExpiresMs) : null,
        Children = [.. info.Children.Select(From)],
    };
}
