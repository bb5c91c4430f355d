using Microsoft.Win32.SafeHandles;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>A process that holds many files open.</summary>
internal static class OpenFilesChild
{
    /// <summary>Name of a file of the image that is opened.</summary>
    public static string NameOf(int file) => $"d{file / 1000}/f{file}";

    /// <summary>Opens files, reads a byte of each, says how many are open, and keeps them until its input ends.</summary>
    public static int Run(string folder, int first, int last)
    {
        var files = new List<SafeFileHandle>();
        Span<byte> one = stackalloc byte[1];
        for (var i = first; i < last; i++)
        {
            var file = File.OpenHandle(Path.Combine(folder, NameOf(i)));
            if (RandomAccess.Read(file, one, 0) != 1 || one[0] != (byte)('0' + (i % 10)))
            {
                Console.WriteLine($"{NameOf(i)} has the wrong content");
                return 1;
            }

            files.Add(file);
        }

        Console.WriteLine(files.Count);
        Console.ReadLine();
        files.ForEach(f => f.Dispose());
        return 0;
    }
}
