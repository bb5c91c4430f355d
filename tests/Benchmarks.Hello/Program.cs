// What peers run in the benchmarks of cold starts: the least that a .NET program can be. With an argument it stays until it is killed.
Console.WriteLine("hello");
if (args.Length > 0)
{
    Thread.Sleep(Timeout.Infinite);
}
