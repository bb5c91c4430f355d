using System.Globalization;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>Joins what the server and the worker measured of a container's start, so that the phases' sum is the total.</summary>
internal static class StartPhases
{
    public static IReadOnlyList<StartPhase> Complete(long requestedMs, long placedMs, long readyMs, IReadOnlyList<StartPhase> ofWorker)
    {
        var queued = (placedMs - requestedMs) * 1000;
        var ofWorkerUs = ofWorker.Sum(p => p.DurationUs);
        // The rest is the way to the worker and back.
        var placed = Math.Max(0, ((readyMs - placedMs) * 1000) - ofWorkerUs);
        var phases = new List<StartPhase> { new() { Name = "queued", DurationUs = queued }, new() { Name = "placed", DurationUs = placed } };
        phases.AddRange(ofWorker.Where(p => p.Name is not "queued" and not "placed"));
        foreach (var phase in ofWorker.Where(p => p.Name is "queued" or "placed"))
        {
            phases.First(p => p.Name == phase.Name).DurationUs += phase.DurationUs;
        }

        return phases;
    }

    public static string Describe(IReadOnlyList<StartPhase> phases) =>
        string.Join(", ", phases.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name} {p.DurationUs / 1000.0:0.#}")));
}
