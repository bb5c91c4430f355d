using System.Security.Cryptography;
using System.Text;
using Modal.Protocol;

namespace Modal.Apps;

/// <summary>The files of the running program that containers need: what the build put beside it.</summary>
internal sealed class CodeCollector
{
    // Generous for a build output, and far from what would make each start slow: past this something else lies in the folder.
    private const int MaxFiles = 20_000;
    private const long MaxBytes = 2L * 1024 * 1024 * 1024;

    private readonly string _root;

    public CodeCollector(string root) => _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    public async Task<CodeVersion> CollectAsync(CancellationToken cancellationToken)
    {
        var files = new List<CodeFile>();
        var total = 0L;
        foreach (var path in Enumerate())
        {
            var file = new FileInfo(path);
            total += file.Length;
            if (files.Count >= MaxFiles || total > MaxBytes)
            {
                throw new LimitExceededException(
                    $"The program's folder {_root} holds more than {MaxFiles} files or {MaxBytes / 1024 / 1024} MiB. Containers get all of it: build the program into a folder of its own.");
            }

            files.Add(new CodeFile { Path = Path.GetRelativePath(_root, path), SizeBytes = file.Length, Digest = await DigestAsync(path, cancellationToken).ConfigureAwait(false) });
        }

        if (files.Count == 0)
        {
            throw new InvalidRequestException(
                $"There are no assemblies in {_root}. A program published as a single file or compiled ahead of time cannot be sent to containers: use dotnet run, or publish without PublishSingleFile.");
        }

        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return new CodeVersion { Digest = DigestOf(files), Files = { files } };
    }

    public string FullPath(CodeFile file) => Path.Combine(_root, file.Path);

    internal static string DigestOf(IEnumerable<CodeFile> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{file.Path}\0{file.Digest}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private IEnumerable<string> Enumerate()
    {
        var options = new EnumerationOptions { RecurseSubdirectories = false, AttributesToSkip = 0 };
        var pending = new Stack<string>([_root]);
        while (pending.TryPop(out var folder))
        {
            foreach (var path in Directory.EnumerateFiles(folder, "*", options))
            {
                if (IsWanted(path, folder))
                {
                    yield return path;
                }
            }

            foreach (var child in Directory.EnumerateDirectories(folder, "*", options))
            {
                // Native libraries of other systems, reference assemblies and nested publish output never run in a container.
                var name = Path.GetFileName(child);
                var foreign = Path.GetFileName(folder) == "runtimes" && !name.StartsWith("linux", StringComparison.Ordinal) && !name.StartsWith("unix", StringComparison.Ordinal) && name != "any";
                if (!foreign && name is not ("ref" or "refint" or "publish") && !name.StartsWith('.'))
                {
                    pending.Push(child);
                }
            }
        }
    }

    private bool IsWanted(string path, string folder)
    {
        var name = Path.GetFileName(path);
        if (name.StartsWith('.'))
        {
            return false;
        }

        // The native launcher beside the program; containers have one of their own.
        return !(folder == _root && Path.GetExtension(name).Length == 0 && File.Exists(path + ".dll"));
    }

    private static async Task<string> DigestAsync(string path, CancellationToken cancellationToken)
    {
        using var stream = new FileStream(path, new FileStreamOptions { Options = FileOptions.SequentialScan, BufferSize = 0, Share = FileShare.ReadWrite | FileShare.Delete });
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false));
    }
}
