using System.Runtime.InteropServices;

namespace Modal.Backend.Runner.Native;

/// <summary>openssl/rand.h, of the library that .NET has loaded; nothing if it has loaded none.</summary>
internal static unsafe class Libcrypto
{
    /// <summary>Reseeds OpenSSL's random generators from the kernel: all of its generators draw on the one that this seeds.</summary>
    public static void Reseed()
    {
        var path = File.ReadLines("/proc/self/maps").Select(static line => line[Math.Max(0, line.IndexOf('/', StringComparison.Ordinal))..])
            .FirstOrDefault(static path => Path.GetFileName(path).StartsWith("libcrypto.so", StringComparison.Ordinal));
        if (path is not null && NativeLibrary.TryLoad(path, out var library) && NativeLibrary.TryGetExport(library, "RAND_poll", out var poll)
            && ((delegate* unmanaged<int>)poll)() != 1)
        {
            throw new InvalidOperationException("OpenSSL could not reseed its random generator.");
        }
    }
}
