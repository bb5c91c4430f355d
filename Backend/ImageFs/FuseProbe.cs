using System.ComponentModel;
using Modal.Backend.ImageFs.Native;

namespace Modal.Backend.ImageFs;

/// <summary>Finds out whether this process can mount images.</summary>
public static class FuseProbe
{
    /// <summary>Tries it with an empty mount that it takes away again.</summary>
    /// <returns>Null if it works; else what is in the way and what to do about it.</returns>
    public static string? FindObstacle()
    {
        if (!File.Exists(FuseDevice.Path))
        {
            return $"There is no {FuseDevice.Path}: load the kernel's fuse module, or give the device to this container.";
        }

        var folder = Directory.CreateTempSubdirectory("modal-fuse-probe-").FullName;
        try
        {
            using var device = FuseDevice.Open();
            FuseMounting.Mount(device, folder, "modal-probe");
            Mounting.TryDetach(folder);
            return null;
        }
        catch (Win32Exception exception)
        {
            return $"Images cannot be mounted: {exception.Message}. It needs root (CAP_SYS_ADMIN) in this namespace.";
        }
        finally
        {
            Directory.Delete(folder);
        }
    }
}
