namespace Modal.Backend.ImageFs.Control;

/// <summary>What a supervisor asks of its server.</summary>
internal enum ControlCommand
{
    /// <summary>Nothing but an answer.</summary>
    Ping,

    /// <summary>Serve a connection. With descriptors: the index, the mount's state, the devices. Answered when the kernel has had its answer to INIT.</summary>
    Mount,

    /// <summary>Record reads from now on.</summary>
    StartTrace,

    /// <summary>Give what was recorded and record no more.</summary>
    StopTrace,

    /// <summary>Fetch what a trace names. Answered when it is here.</summary>
    Prefetch,

    /// <summary>Give counters.</summary>
    Stats,
}
