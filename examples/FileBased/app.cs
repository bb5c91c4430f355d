#:package Modal.Sdk@0.1.0

using Modal;

Console.WriteLine(await Words.Remote.Count.CallAsync("to be or not to be"));

static partial class Words
{
    [Function]
    public static int Count(string text) => text.Split(' ').Length;
}
