namespace Modal.Backend.ControlPlane.Scaling;

/// <summary>What a function has to do at one moment.</summary>
internal readonly record struct ScalingLoad
{
    /// <summary>Inputs that no container has.</summary>
    public int Queued { get; init; }

    /// <summary>Inputs that containers have.</summary>
    public int Running { get; init; }

    /// <summary>Measured time of one input, or of one batch, in microseconds; zero while unknown.</summary>
    public double ServiceUs { get; init; }

    /// <summary>Whether enough was measured to trust <see cref="ServiceUs"/>.</summary>
    public bool IsServiceKnown { get; init; }

    /// <summary>Since when there is something to do without a break.</summary>
    public long WaitingSinceMs { get; init; }

    /// <summary>Since when inputs run without a break; null if none does.</summary>
    public long? BusySinceMs { get; init; }

    /// <summary>When a result last came, or running began; null if nothing runs.</summary>
    public long? ProgressMs { get; init; }

    public int Inputs => Queued + Running;
}
