using System.Diagnostics;
using System.Reflection;
using Modal.Backend.Runner.Native;

namespace Modal.Backend.Runner.Snapshots;

/// <summary>
/// Makes anew what must differ between copies of one process: the random numbers of <see cref="Random.Shared"/> and of OpenSSL, which makes those of
/// <see cref="System.Security.Cryptography.RandomNumberGenerator"/> and of TLS. A <see cref="Random"/> that user code made before the snapshot is its own affair.
/// </summary>
internal static class Freshness
{
    // Threads of the pool that user code blocks are not waited for longer than this.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(50);

    // Where a thread keeps its generator; the next use makes a new one. A test fails if a version of .NET has it elsewhere.
    private static readonly FieldInfo? s_generator =
        typeof(Random).GetNestedType("ThreadSafeRandom", BindingFlags.NonPublic)?.GetField("t_random", BindingFlags.NonPublic | BindingFlags.Static);

    /// <summary>Does it, on every thread that user code may have used.</summary>
    public static void Renew()
    {
        Libcrypto.Reseed();
        Forget();

        // As many as there are threads, each waiting for the others: so each thread gets one.
        var count = ThreadPool.ThreadCount;
        if (count == 0)
        {
            return;
        }

        var left = count;
        var end = Stopwatch.GetTimestamp() + (long)(s_patience.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < count; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    Forget();
                    Interlocked.Decrement(ref left);
                    while (Volatile.Read(ref left) > 0 && Stopwatch.GetTimestamp() < end)
                    {
                        Thread.Sleep(0);
                    }
                },
                null);
        }

        while (Volatile.Read(ref left) > 0 && Stopwatch.GetTimestamp() < end)
        {
            Thread.Sleep(0);
        }
    }

    private static void Forget() => s_generator?.SetValue(null, null);
}
