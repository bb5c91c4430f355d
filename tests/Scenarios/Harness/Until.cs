using System.Diagnostics;

namespace Modal.Scenarios.Harness;

/// <summary>Waits for something outside this process, which gives no signal when it happens.</summary>
internal static class Until
{
    public static async Task<T> SeenAsync<T>(string what, TimeSpan limit, Func<Task<T>> look, Func<T, bool> accept)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var seen = await look();
            if (accept(seen))
            {
                return seen;
            }

            if (Stopwatch.GetElapsedTime(start) > limit)
            {
                throw new TimeoutException($"Waited {limit.TotalSeconds:0.#} s for {what}; last seen: {seen}.");
            }

            await Task.Delay(20);
        }
    }
}
