namespace Modal.Backend.Worker.Gpus.Native;

/// <summary>A call of NVML failed.</summary>
internal sealed class NvmlException : Exception
{
    // NVML_ERROR_GPU_IS_LOST of nvml.h: it fell off the bus, or is otherwise out of reach until the machine starts anew.
    private const int GpuIsLost = 15;

    // NVML_ERROR_NOT_SUPPORTED: a GPU without a sensor, or one that is split into parts.
    private const int NotSupported = 3;

    public NvmlException(string message, int code)
        : base(message) => Code = code;

    public NvmlException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public NvmlException(string message)
        : base(message)
    {
    }

    public NvmlException()
    {
    }

    /// <summary>nvmlReturn_t; zero if the library is not one.</summary>
    public int Code { get; }

    /// <summary>The GPU is gone.</summary>
    public bool IsLost => Code == GpuIsLost;

    /// <summary>The GPU does not have what was asked for.</summary>
    public bool IsNotSupported => Code == NotSupported;
}
