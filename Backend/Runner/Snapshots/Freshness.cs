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
    // Threads of the pool that user code blocks are not waited for longer than this: before the snapshot, which is once, and after each restore, when only those are left that worked in between.
    private static readonly TimeSpan s_patienceBefore = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_patienceAfter = TimeSpan.FromMilliseconds(20);

    // Where a thread keeps its generator; the next use makes a new one. A test fails if a version of .NET has it elsewhere.
    private static readonly FieldInfo? s_generator =
        typeof(Random).GetNestedType("ThreadSafeRandom", BindingFlags.NonPublic)?.GetField("t_random", BindingFlags.NonPublic | BindingFlags.Static);

    /// <summary>In a copy, before user code runs in it.</summary>
    public static void Renew()
    {
        Libcrypto.Reseed();
        ForgetOnAllThreads(s_patienceAfter);
    }

    /// <summary>Before the snapshot: generators that are not in it need not be made anew.</summary>
    public static void Prepare() => ForgetOnAllThreads(s_patienceBefore);

    private static void ForgetOnAllThreads(TimeSpan patience)
    {
        Forget();

        // As many as there are threads, each waiting for the others: so each thread gets one.
        var count = ThreadPool.ThreadCount;
        if (count == 0)
        {
            return;
        }

        var left = count;
        var end = Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency);
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
