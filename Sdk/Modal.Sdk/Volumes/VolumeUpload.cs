using System.Security.Cryptography;
using Modal.Apps;
using Modal.Protocol;

namespace Modal.Volumes;

/// <summary>Local files that go into a volume.</summary>
internal sealed class VolumeUpload
{
    private readonly Dictionary<string, string> _paths = new(StringComparer.Ordinal);
    private readonly List<WrittenVolumeFile> _files = [];

    /// <summary>What is written.</summary>
    public IReadOnlyList<WrittenVolumeFile> Files => _files;

    /// <summary>Reads what they are.</summary>
    /// <exception cref="InvalidRequestException">One is not there or cannot be read.</exception>
    public static async Task<VolumeUpload> ReadAsync(IEnumerable<(string LocalPath, string Path)> files, CancellationToken cancellationToken)
    {
        var upload = new VolumeUpload();
        foreach (var (local, path) in files)
        {
            try
            {
                if (Directory.Exists(local))
                {
                    await upload.AddFolderAsync(new DirectoryInfo(local), path.Trim('/'), cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await upload.AddAsync(new FileInfo(local), path.Trim('/'), cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new InvalidRequestException($"'{local}' cannot be uploaded: {e.Message}", e);
            }
        }

        return upload;
    }

    /// <summary>Sends the contents that the store lacks.</summary>
    public async Task SendAsync(BlobTransfer transfer, CancellationToken cancellationToken)
    {
        var missing = await transfer.FindMissingAsync(_paths.Keys, cancellationToken).ConfigureAwait(false);
        await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (digest, token) =>
        {
            var content = File.OpenRead(_paths[digest]);
            await using (content.ConfigureAwait(false))
            {
                await transfer.PutAsync(digest, content, token).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private async Task AddFolderAsync(DirectoryInfo folder, string path, CancellationToken cancellationToken)
    {
        if (path.Length > 0)
        {
            _files.Add(Describe(folder, path, VolumeEntryKind.Directory));
        }

        foreach (var entry in folder.EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }).OrderBy(static e => e.Name, StringComparer.Ordinal))
        {
            var inside = path.Length > 0 ? $"{path}/{entry.Name}" : entry.Name;
            if (entry is DirectoryInfo { LinkTarget: null } below)
            {
                await AddFolderAsync(below, inside, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await AddAsync(entry, inside, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task AddAsync(FileSystemInfo file, string path, CancellationToken cancellationToken)
    {
        if (file.LinkTarget is { } target)
        {
            var link = Describe(file, path, VolumeEntryKind.Link);
            link.LinkTarget = target;
            _files.Add(link);
            return;
        }

        var content = File.OpenRead(file.FullName);
        await using (content.ConfigureAwait(false))
        {
            var written = Describe(file, path, VolumeEntryKind.File);
            if (content.Length > 0)
            {
                written.Digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellationToken).ConfigureAwait(false));
                _paths[written.Digest] = file.FullName;
            }

            _files.Add(written);
        }
    }

    private static WrittenVolumeFile Describe(FileSystemInfo file, string path, VolumeEntryKind kind) => new()
    {
        Path = path,
        Kind = kind,
        ModifiedUnixMs = new DateTimeOffset(file.LastWriteTimeUtc).ToUnixTimeMilliseconds(),

        // Windows has no permissions of this kind.
        Mode = OperatingSystem.IsWindows() ? 0b111_101_101u : (uint)file.UnixFileMode & 0b111_111_111,
    };
}
