using Modal;
using static Words.Remote;

Console.WriteLine(await CountAll.CallAsync(["to be or not to be", "that is the question"]));

static partial class Words
{
    // Runs in a container and calls another function from there, once for each text and in parallel.
    [Function]
    public static async Task<int> CountAll(string[] texts, CancellationToken cancellationToken) => await Remote.Count.Map(texts, cancellationToken).SumAsync(cancellationToken);

    // What gets texts of strangers need not be able to call anything.
    [Function(RestrictModalAccess = true)]
    public static int Count(string text)
    {
        Console.WriteLine($"counting \"{text}\"");
        return text.Split(' ').Length;
    }
}
