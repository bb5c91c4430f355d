using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Native;
using Modal.Protocol;

namespace Modal.Backend.Worker.Code;

/// <summary>
/// Folders with users' assemblies, one per code version, made once and mounted read-only into any number of containers. Files are kept by digest beside them and linked in,
/// so a new version costs only what changed. Safe for many threads; two that need the same version wait for one.
/// </summary>
internal sealed class CodeVersions
{
    // Code that nobody used for a week will be fetched again; a disk full of old builds cannot be undone.
    private static readonly TimeSpan s_keep = TimeSpan.FromDays(7);

    private const UnixFileMode FileMode555 =
        UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private const UnixFileMode FolderMode = FileMode555 | UnixFileMode.UserWrite;

    private readonly OncePerKey<string> _versions = new();
    private readonly IWorkerBlobs _blobs;
    private readonly string _folder;
    private readonly string _files;

    public CodeVersions(IOptions<WorkerOptions> options, IWorkerBlobs blobs)
    {
        _blobs = blobs;
        _folder = Path.Combine(options.Value.StateDirectory, "code");
        _files = Path.Combine(options.Value.StateDirectory, "code-files");
        Directory.CreateDirectory(_folder);
        Directory.CreateDirectory(_files);
    }

    /// <summary>The folder of a version, made if need be.</summary>
    /// <exception cref="InvalidDataException">The list of files is not acceptable, or a file's bytes do not match its digest.</exception>
    /// <exception cref="FileNotFoundException">A file is not stored.</exception>
    public async Task<string> EnsureAsync(CodeVersion version, CancellationToken cancellationToken)
    {
        // Named by what it contains, not by what the message claims: nobody can put files under another version's name.
        var key = Key(version);
        var path = await _versions.GetAsync(key, () => MakeAsync(key, version), cancellationToken);
        Directory.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        return path;
    }

    /// <summary>Removes what was interrupted and what has not been used for long. Before the first container starts.</summary>
    public void CleanUp()
    {
        var oldest = DateTime.UtcNow - s_keep;
        foreach (var folder in Directory.EnumerateDirectories(_folder).Where(f => f.EndsWith(".tmp", StringComparison.Ordinal) || Directory.GetLastWriteTimeUtc(f) < oldest))
        {
            Directory.Delete(folder, recursive: true);
        }

        foreach (var file in Directory.EnumerateFiles(_files).Where(f => f.EndsWith(".tmp", StringComparison.Ordinal) || File.GetLastWriteTimeUtc(f) < oldest))
        {
            File.Delete(file);
        }
    }

    private static string Key(CodeVersion version)
    {
        if (version.Files.Count == 0)
        {
            throw new InvalidDataException("The code version has no files.");
        }

        var text = new StringBuilder();
        string? last = null;
        foreach (var file in version.Files.OrderBy(f => f.Path, StringComparer.Ordinal))
        {
            var parts = file.Path.Split('/');
            if (file.Path.Length is 0 or > 1024 || file.Path.Contains('\0', StringComparison.Ordinal) || file.Path.Contains('\n', StringComparison.Ordinal)
                || parts.Any(part => part is "" or "." or ".."))
            {
                throw new InvalidDataException($"The code version has a file with the path '{file.Path}'; paths are relative, separated by '/', without '.' and '..'.");
            }

            if (file.Path == last)
            {
                throw new InvalidDataException($"The code version has the file '{file.Path}' twice.");
            }

            if (file.Digest.Length != 64 || !file.Digest.All(char.IsAsciiHexDigitLower))
            {
                throw new InvalidDataException($"The code version's file '{file.Path}' has the digest '{file.Digest}', which is not a lower-case hexadecimal SHA-256.");
            }

            last = file.Path;
            text.Append(file.Path).Append('\n').Append(file.Digest).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private async Task<string> MakeAsync(string key, CodeVersion version)
    {
        var target = Path.Combine(_folder, key);
        if (Directory.Exists(target))
        {
            return target;
        }

        var temporary = target + ".tmp";
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }

        Directory.CreateDirectory(temporary);
        await Parallel.ForEachAsync(version.Files, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (file, cancellationToken) =>
        {
            var kept = await FetchAsync(file, cancellationToken);
            var path = Path.Combine(temporary, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Unistd.LinkOrCopy(kept, path);
        });

        // Readable by the container's user whatever mask this process runs with.
        foreach (var folder in Directory.EnumerateDirectories(temporary, "*", SearchOption.AllDirectories).Append(temporary))
        {
            File.SetUnixFileMode(folder, FolderMode);
        }

        Directory.Move(temporary, target);
        return target;
    }

    private async Task<string> FetchAsync(CodeFile file, CancellationToken cancellationToken)
    {
        var kept = Path.Combine(_files, file.Digest);
        if (File.Exists(kept))
        {
            File.SetLastWriteTimeUtc(kept, DateTime.UtcNow);
            return kept;
        }

        var temporary = $"{kept}.{Guid.NewGuid():n}.tmp";
        await using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
        {
            await _blobs.ReadAsync(file.Digest, stream, cancellationToken);
        }

        // Readable by the container's user, who owns nothing, and executable, because native tools may be among them.
        File.SetUnixFileMode(temporary, FileMode555);
        File.Move(temporary, kept, overwrite: true);
        return kept;
    }
}
