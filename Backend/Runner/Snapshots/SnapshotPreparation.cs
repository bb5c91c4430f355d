using Modal.Backend.Runner.Native;

namespace Modal.Backend.Runner.Snapshots;

/// <summary>Makes the process small before it is put into a snapshot: what is not there need not be stored, fetched and restored.</summary>
internal static class SnapshotPreparation
{
    /// <summary>Collects garbage and gives free memory back.</summary>
    public static void Run()
    {
        Freshness.Prepare();

        // Twice: what finalizers let go of is garbage of the second time. Aggressive gives back what it frees.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Malloc.Trim();
    }
}
