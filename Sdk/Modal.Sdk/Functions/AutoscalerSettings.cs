using Modal.Protocol;

namespace Modal;

/// <summary>How a function scales, as changed while it runs. What is null stays as it is. Of a <c>[Clustered]</c> function all numbers of containers are multiples of the size of its clusters.</summary>
public sealed record AutoscalerSettings
{
    /// <summary>Containers kept while idle, 0 to <see cref="MaxContainers"/>; 0 means scale to zero. Null, the default, keeps the number in force.</summary>
    public int? MinContainers { get; init; }

    /// <summary>Upper bound of containers, at least 1; what is beyond it is stopped when it falls idle. Null, the default, keeps the number in force.</summary>
    public int? MaxContainers { get; init; }

    /// <summary>Idle containers kept ready beside the busy ones while the function is in use, 0 to 1,000. Null, the default, keeps the number in force.</summary>
    public int? BufferContainers { get; init; }

    /// <summary>Seconds a container may be idle before it is stopped, 2 to 1,200. Null, the default, keeps the time in force.</summary>
    public double? ScaledownWindowSeconds { get; init; }

    internal ScalingSettings ToMessage()
    {
        var message = new ScalingSettings();
        if (MinContainers is { } min)
        {
            message.MinContainers = min;
        }

        if (MaxContainers is { } max)
        {
            message.MaxContainers = max;
        }

        if (BufferContainers is { } buffer)
        {
            message.BufferContainers = buffer;
        }

        if (ScaledownWindowSeconds is { } window)
        {
            // A number that is none would become a valid one.
            message.ScaledownWindowMs = double.IsFinite(window) ? (long)Math.Clamp(window * 1000, -1, int.MaxValue) : -1;
        }

        return message;
    }

    internal static AutoscalerSettings From(ScalingSettings message) => new()
    {
        MinContainers = message.MinContainers,
        MaxContainers = message.MaxContainers,
        BufferContainers = message.BufferContainers,
        ScaledownWindowSeconds = message.ScaledownWindowMs / 1000.0,
    };
}
