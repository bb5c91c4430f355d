using System.Security.Cryptography;
using Modal.Images.Definitions;
using Modal.Protocol;

namespace Modal.Images;

/// <summary>Reads the local files of a layer.</summary>
internal static class LocalFiles
{
    // As for the code of the program: beyond this, something else lies in the folder.
    private const int MaxFiles = 100_000;

    /// <summary>Reads them.</summary>
    /// <param name="definition">Which ones.</param>
    /// <param name="layer">Gets them, and, for a Dockerfile, its path among them as the argument.</param>
    /// <param name="paths">Gets the path on this machine of each digest.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidRequestException">One is not there or cannot be read.</exception>
    public static async Task ReadAsync(LocalFilesDefinition definition, ImageLayer layer, IDictionary<string, string> paths, CancellationToken cancellationToken)
    {
        var files = new List<(string Path, FileSystemInfo Info)>();
        switch (definition.Kind)
        {
            case LocalFilesKind.File:
                var file = new FileInfo(definition.Path);
                files.Add((file.Name, file.Exists ? file : throw Missing("file", file.FullName)));
                break;
            case LocalFilesKind.Directory:
                Collect(definition.Path, definition.Ignore.Split('\n'), files);
                break;
            default:
                var dockerfile = new FileInfo(definition.Path);
                if (!dockerfile.Exists)
                {
                    throw Missing("Dockerfile", dockerfile.FullName);
                }

                var context = definition.Context ?? dockerfile.DirectoryName!;
                Collect(context, await IgnorePatterns.ReadAsync(dockerfile.FullName, context, cancellationToken).ConfigureAwait(false), files);

                // Under a name of its own: it need not lie in the context, and may be left out of it.
                layer.Arguments.Add("Dockerfile.modal");
                files.Add(("Dockerfile.modal", dockerfile));
                break;
        }

        if (files.Count > MaxFiles)
        {
            throw new LimitExceededException($"{definition.Path} has {files.Count} files; {MaxFiles} are allowed. Name what is not needed in the ignore patterns.");
        }

        var read = new ImageFile[files.Count];
        var digests = new Lock();
        await Parallel.ForEachAsync(Enumerable.Range(0, files.Count), cancellationToken, async (i, token) =>
        {
            read[i] = await ReadAsync(files[i].Path, files[i].Info, token).ConfigureAwait(false);
            if (read[i].Digest.Length > 0)
            {
                lock (digests)
                {
                    paths[read[i].Digest] = files[i].Info.FullName;
                }
            }
        }).ConfigureAwait(false);
        layer.Files.AddRange(read.OrderBy(static f => f.Path, StringComparer.Ordinal));
    }

    private static void Collect(string root, IEnumerable<string> ignore, List<(string Path, FileSystemInfo Info)> files)
    {
        var folder = new DirectoryInfo(root);
        if (!folder.Exists)
        {
            throw Missing("folder", folder.FullName);
        }

        Collect(folder, "", new IgnorePatterns(ignore), files);
    }

    private static void Collect(DirectoryInfo folder, string prefix, IgnorePatterns ignore, List<(string Path, FileSystemInfo Info)> files)
    {
        foreach (var entry in folder.EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }))
        {
            var path = prefix + entry.Name;
            var isIgnored = ignore.IsIgnored(path);
            if (entry is DirectoryInfo { LinkTarget: null } below)
            {
                var before = files.Count;
                if (!isIgnored || ignore.HasExceptions)
                {
                    Collect(below, path + "/", ignore, files);
                }

                if (!isIgnored && files.Count == before)
                {
                    files.Add((path, below));
                }
            }
            else if (!isIgnored)
            {
                files.Add((path, entry));
            }
        }
    }

    private static async Task<ImageFile> ReadAsync(string path, FileSystemInfo info, CancellationToken cancellationToken)
    {
        if (info.LinkTarget is { } target)
        {
            return new ImageFile { Path = path, LinkTarget = target };
        }

        // Windows has no permissions of this kind: what docker gives files from there.
        var mode = OperatingSystem.IsWindows() ? 0b111_101_101u : (uint)info.UnixFileMode;
        if (info is DirectoryInfo)
        {
            return new ImageFile { Path = path, IsDirectory = true, Mode = mode };
        }

        try
        {
            var file = File.OpenRead(info.FullName);
            await using (file.ConfigureAwait(false))
            {
                return new ImageFile
                {
                    Path = path,
                    Mode = mode,
                    SizeBytes = file.Length,
                    Digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false)),
                };
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidRequestException($"The image needs the local file {info.FullName}, which cannot be read: {e.Message}");
        }
    }

    private static InvalidRequestException Missing(string what, string path) => new($"The image needs the local {what} {path}, which is not there. Paths are relative to the current directory.");
}
