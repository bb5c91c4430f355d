using System.Runtime.InteropServices;
using System.Text;

namespace Modal.Backend.Worker.Gpus.Native;

/// <summary>nvml.h: NVIDIA's management library, which comes with the driver. Loaded when the worker runs, because most machines have none. Its calls may come from many threads.</summary>
internal sealed unsafe class Nvml : IDisposable
{
    public const int NVML_SUCCESS = 0;
    public const int NVML_TEMPERATURE_GPU = 0;

    // The sizes that nvml.h says are enough for every string of their kind (NVML_DEVICE_UUID_V2_BUFFER_SIZE, NVML_DEVICE_NAME_V2_BUFFER_SIZE, NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE).
    private const int UuidBytes = 96;
    private const int NameBytes = 96;
    private const int VersionBytes = 80;

    private readonly nint _library;
    private readonly delegate* unmanaged<int> _shutdown;
    private readonly delegate* unmanaged<int, byte*> _errorString;
    private readonly delegate* unmanaged<byte*, uint, int> _driverVersion;
    private readonly delegate* unmanaged<uint*, int> _count;
    private readonly delegate* unmanaged<uint, nint*, int> _handle;
    private readonly delegate* unmanaged<nint, byte*, uint, int> _uuid;
    private readonly delegate* unmanaged<nint, byte*, uint, int> _name;
    private readonly delegate* unmanaged<nint, Memory*, int> _memory;
    private readonly delegate* unmanaged<nint, Utilization*, int> _utilization;
    private readonly delegate* unmanaged<nint, int, uint*, int> _temperature;
    private readonly delegate* unmanaged<nint, uint*, int> _power;
    private readonly delegate* unmanaged<nint, uint*, int> _minor;

    private Nvml(nint library)
    {
        _library = library;
        _shutdown = (delegate* unmanaged<int>)Export("nvmlShutdown");
        _errorString = (delegate* unmanaged<int, byte*>)Export("nvmlErrorString");
        _driverVersion = (delegate* unmanaged<byte*, uint, int>)Export("nvmlSystemGetDriverVersion");
        _count = (delegate* unmanaged<uint*, int>)Export("nvmlDeviceGetCount_v2");
        _handle = (delegate* unmanaged<uint, nint*, int>)Export("nvmlDeviceGetHandleByIndex_v2");
        _uuid = (delegate* unmanaged<nint, byte*, uint, int>)Export("nvmlDeviceGetUUID");
        _name = (delegate* unmanaged<nint, byte*, uint, int>)Export("nvmlDeviceGetName");
        _memory = (delegate* unmanaged<nint, Memory*, int>)Export("nvmlDeviceGetMemoryInfo");
        _utilization = (delegate* unmanaged<nint, Utilization*, int>)Export("nvmlDeviceGetUtilizationRates");
        _temperature = (delegate* unmanaged<nint, int, uint*, int>)Export("nvmlDeviceGetTemperature");
        _power = (delegate* unmanaged<nint, uint*, int>)Export("nvmlDeviceGetPowerUsage");
        _minor = (delegate* unmanaged<nint, uint*, int>)Export("nvmlDeviceGetMinorNumber");
        Check(((delegate* unmanaged<int>)Export("nvmlInit_v2"))(), "nvmlInit_v2");
    }

    /// <summary>nvmlMemory_t, in bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <summary>nvmlUtilization_t, in percent.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Utilization
    {
        public uint Gpu;
        public uint Memory;
    }

    /// <summary>Loads and initializes it.</summary>
    /// <param name="path">A path, or a name that the loader looks for.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="NvmlException">There is one, and it does not work.</exception>
    public static Nvml? TryLoad(string path)
    {
        if (!NativeLibrary.TryLoad(path, out var library))
        {
            return null;
        }

        try
        {
            return new Nvml(library);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or NvmlException)
        {
            NativeLibrary.Free(library);
            throw e as NvmlException ?? new NvmlException($"{path} is no usable NVML: {e.Message}", e);
        }
    }

    /// <summary>The driver's version, such as <c>550.90.07</c>.</summary>
    public string DriverVersion()
    {
        var text = stackalloc byte[VersionBytes];
        Check(_driverVersion(text, VersionBytes), "nvmlSystemGetDriverVersion");
        return Text(text, VersionBytes);
    }

    /// <summary>How many GPUs there are, those that do not answer included.</summary>
    public int DeviceCount()
    {
        uint count;
        Check(_count(&count), "nvmlDeviceGetCount_v2");
        return (int)count;
    }

    /// <summary>What the other calls name a GPU by.</summary>
    public nint DeviceHandle(int index)
    {
        nint device;
        Check(_handle((uint)index, &device), "nvmlDeviceGetHandleByIndex_v2");
        return device;
    }

    public string Uuid(nint device)
    {
        var text = stackalloc byte[UuidBytes];
        Check(_uuid(device, text, UuidBytes), "nvmlDeviceGetUUID");
        return Text(text, UuidBytes);
    }

    public string Name(nint device)
    {
        var text = stackalloc byte[NameBytes];
        Check(_name(device, text, NameBytes), "nvmlDeviceGetName");
        return Text(text, NameBytes);
    }

    public Memory MemoryInfo(nint device)
    {
        Memory memory;
        Check(_memory(device, &memory), "nvmlDeviceGetMemoryInfo");
        return memory;
    }

    public Utilization UtilizationRates(nint device)
    {
        Utilization utilization;
        Check(_utilization(device, &utilization), "nvmlDeviceGetUtilizationRates");
        return utilization;
    }

    /// <summary>Degrees Celsius.</summary>
    public int Temperature(nint device)
    {
        uint degrees;
        Check(_temperature(device, NVML_TEMPERATURE_GPU, &degrees), "nvmlDeviceGetTemperature");
        return (int)degrees;
    }

    /// <summary>Milliwatts.</summary>
    public int PowerUsage(nint device)
    {
        uint milliwatts;
        Check(_power(device, &milliwatts), "nvmlDeviceGetPowerUsage");
        return (int)milliwatts;
    }

    /// <summary>The N of its device node, nvidiaN.</summary>
    public int MinorNumber(nint device)
    {
        uint minor;
        Check(_minor(device, &minor), "nvmlDeviceGetMinorNumber");
        return (int)minor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = _shutdown();
        NativeLibrary.Free(_library);
    }

    private static string Text(byte* text, int size)
    {
        var bytes = new ReadOnlySpan<byte>(text, size);
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    private void Check(int result, string call)
    {
        if (result != NVML_SUCCESS)
        {
            throw new NvmlException($"{call} failed with error {result}: {Marshal.PtrToStringUTF8((nint)_errorString(result))}", result);
        }
    }
}
