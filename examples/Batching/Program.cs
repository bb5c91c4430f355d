using Modal;
using static Texts.Remote;

// Each caller sends one text and gets one length; the container sees up to 16 at once.
var lengths = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Length.CallAsync(new string('x', i))));
Console.WriteLine($"{lengths.Length} results, {lengths.Sum()} characters");

// While it runs: two containers from now on, whether there is work or not.
var settings = await Length.UpdateAutoscalerAsync(new AutoscalerSettings { MinContainers = 2 });
Console.WriteLine($"from {settings.MinContainers} to {settings.MaxContainers} containers");

static partial class Texts
{
    [Function(Retries = 2, RetryBackoff = 2)]
    [Batched(MaxSize = 16, WaitMs = 50)]
    public static async Task<int[]> Length(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        Console.WriteLine($"a batch of {texts.Count}");
        await Task.Delay(100, cancellationToken);
        return [.. texts.Select(t => t.Length)];
    }
}
