// What peers run in the benchmarks of cold starts: the least that a .NET program can be.
Console.WriteLine("hello");
