using System.Runtime.CompilerServices;
using Modal.Protocol;
using Modal.Volumes;

namespace Modal;

/// <content>What programs outside of containers do with volumes.</content>
public sealed partial class Volume
{
    /// <summary>The volumes of an environment, by name.</summary>
    /// <param name="environment">The environment. Null, the default, means the default one, <c>main</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is no such environment.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public static Task<IReadOnlyList<VolumeDescription>> ListVolumesAsync(string? environment = null, CancellationToken cancellationToken = default) => VolumeCalls.RunAsync<IReadOnlyList<VolumeDescription>>(
        async server => [.. (await server.Volumes.ListVolumesAsync(new ListVolumesRequest { Environment = environment ?? "" }, cancellationToken: cancellationToken).ConfigureAwait(false)).Volumes.Select(Describe)],
        cancellationToken);

    /// <summary>What the server says of this volume; it is made if need be and allowed.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public Task<VolumeDescription> DescribeAsync(CancellationToken cancellationToken = default) =>
        VolumeCalls.RunAsync(async server => Describe(await server.Volumes.GetVolumeAsync(ToRequest(), cancellationToken: cancellationToken).ConfigureAwait(false)), cancellationToken);

    /// <summary>Removes the volume with all that is in it. Containers that have it keep what they see, and what they write is lost.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public Task DeleteAsync(CancellationToken cancellationToken = default) => VolumeCalls.RunAsync(
        async server => await server.Volumes.DeleteVolumeAsync(new DeleteVolumeRequest { Name = Name, Environment = Environment }, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);

    /// <summary>Gives the volume another name. Containers that have it keep it.</summary>
    /// <param name="newName">The name, as in <see cref="FromName"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The volume under its new name.</returns>
    /// <exception cref="NotFoundException">There is none.</exception>
    /// <exception cref="AlreadyExistsException">There is one of the new name.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public async Task<Volume> RenameAsync(string newName, CancellationToken cancellationToken = default)
    {
        await VolumeCalls.RunAsync(
            async server => await server.Volumes.RenameVolumeAsync(new RenameVolumeRequest { Name = Name, Environment = Environment, NewName = newName }, cancellationToken: cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return new Volume(newName, Environment, _createIfMissing, IsReadOnly, SubPath);
    }

    /// <summary>Entries of the newest version, a folder before what is in it, in the order of the bytes of their names.</summary>
    /// <param name="path">A folder, or one entry. Empty, the default, means the root.</param>
    /// <param name="recursive">Whether what is in folders below is listed too. False by default.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is no such volume or entry.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public async IAsyncEnumerable<VolumeFile> ListAsync(string path = "", bool recursive = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var server = await VolumeCalls.ConnectAsync(cancellationToken).ConfigureAwait(false);
        using var call = server.Volumes.ListFiles(new ListVolumeFilesRequest { Name = Name, Environment = Environment, Path = path, Recursive = recursive }, cancellationToken: cancellationToken);
        while (await VolumeCalls.NextAsync(call.ResponseStream, cancellationToken).ConfigureAwait(false))
        {
            foreach (var entry in call.ResponseStream.Current.Entries)
            {
                yield return new VolumeFile(
                    entry.Path, ToKind(entry.Kind), entry.SizeBytes, DateTimeOffset.FromUnixTimeMilliseconds(entry.ModifiedUnixMs), entry.Kind == VolumeEntryKind.Link ? entry.LinkTarget : null);
            }
        }
    }

    /// <summary>Reads a file of the newest version.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends opening; reads have their own.</param>
    /// <returns>Its bytes from the beginning; forward only. Dispose of it.</returns>
    /// <exception cref="NotFoundException">There is no such volume or file; thrown by the first read.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public async Task<Stream> ReadFileAsync(string path, CancellationToken cancellationToken = default)
    {
        var server = await VolumeCalls.ConnectAsync(cancellationToken).ConfigureAwait(false);
        return new VolumeFileStream(server, server.Volumes.ReadFile(new ReadVolumeFileRequest { Name = Name, Environment = Environment, Path = path }, cancellationToken: CancellationToken.None));
    }

    /// <summary>Stores local files and folders, all in one version. What the store has already is not sent. The volume is made if need be and allowed.</summary>
    /// <param name="files">Local paths of files or folders, and where they go in the volume. A folder goes with all that is in it.</param>
    /// <param name="force">Whether files that are there are replaced. False, the default: then nothing is written if one is.</param>
    /// <param name="cancellationToken">Ends it; nothing is written.</param>
    /// <exception cref="NotFoundException">There is no such volume.</exception>
    /// <exception cref="AlreadyExistsException">A file is there, or a folder where a file should go.</exception>
    /// <exception cref="InvalidRequestException">A local path is not there or cannot be read.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public async Task UploadAsync(IEnumerable<(string LocalPath, string Path)> files, bool force = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var upload = await VolumeUpload.ReadAsync(files, cancellationToken).ConfigureAwait(false);
        await VolumeCalls.RunAsync(
            async server =>
            {
                await server.Volumes.GetVolumeAsync(ToRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
                await upload.SendAsync(server.Transfer, cancellationToken).ConfigureAwait(false);
                var request = new WriteVolumeFilesRequest { Name = Name, Environment = Environment, Force = force, Files = { upload.Files } };
                return await server.Volumes.WriteFilesAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stores one local file, or a folder with all that is in it.</summary>
    /// <param name="localPath">The file or folder.</param>
    /// <param name="path">Where it goes in the volume; for a folder, empty means its root.</param>
    /// <param name="force">As above.</param>
    /// <param name="cancellationToken">Ends it; nothing is written.</param>
    /// <inheritdoc cref="UploadAsync(IEnumerable{ValueTuple{string, string}}, bool, CancellationToken)" path="/exception"/>
    public Task UploadAsync(string localPath, string path, bool force = false, CancellationToken cancellationToken = default) => UploadAsync([(localPath, path)], force, cancellationToken);

    /// <summary>Writes a file, or a folder with all that is in it, of the newest version to the local disk.</summary>
    /// <param name="path">What; empty means the whole volume.</param>
    /// <param name="localPath">The local file, or the folder that gets what is in the folder; made if need be. Files that are there are replaced.</param>
    /// <param name="cancellationToken">Ends it; what is written stays.</param>
    /// <exception cref="NotFoundException">There is no such volume or entry.</exception>
    /// <exception cref="IOException">The local disk cannot be written.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public async Task DownloadAsync(string path, string localPath, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentException.ThrowIfNullOrEmpty(localPath);
        var root = path.Trim('/');
        await foreach (var file in ListAsync(path, recursive: true, cancellationToken).ConfigureAwait(false))
        {
            // A file's listing has itself.
            var target = file.Path == root ? localPath : Path.Combine(localPath, root.Length > 0 ? file.Path[(root.Length + 1)..] : file.Path);
            if (file.Kind == VolumeFileKind.Directory)
            {
                Directory.CreateDirectory(target);
                continue;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
            if (file.Kind == VolumeFileKind.Link)
            {
                File.Delete(target);
                File.CreateSymbolicLink(target, file.LinkTarget!);
            }
            else if (file.Kind == VolumeFileKind.File)
            {
                await DownloadFileAsync(file, target, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Removes a file or folder.</summary>
    /// <param name="path">What.</param>
    /// <param name="recursive">Whether a folder goes with what is in it. False, the default: then it must be empty.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is no such volume or entry.</exception>
    /// <exception cref="InvalidRequestException">It is a folder with something in it.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) => VolumeCalls.RunAsync(
        async server => await server.Volumes.RemoveFilesAsync(
            new RemoveVolumeFilesRequest { Name = Name, Environment = Environment, Path = path, Recursive = recursive }, cancellationToken: cancellationToken).ConfigureAwait(false),
        cancellationToken);

    /// <summary>Copies files and folders, folders with what is in them, inside the volume. No bytes are moved, whatever the size.</summary>
    /// <param name="sources">What.</param>
    /// <param name="destination">A folder that is there or, for one source, its new path. Files that are there are replaced.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotFoundException">There is no such volume, source or folder.</exception>
    /// <exception cref="InvalidRequestException">A folder would be copied into itself.</exception>
    /// <exception cref="ServerUnavailableException">The server cannot be reached.</exception>
    public Task CopyAsync(IEnumerable<string> sources, string destination, CancellationToken cancellationToken = default) => VolumeCalls.RunAsync(
        async server => await server.Volumes.CopyFilesAsync(
            new CopyVolumeFilesRequest { Name = Name, Environment = Environment, Sources = { sources }, Destination = destination }, cancellationToken: cancellationToken).ConfigureAwait(false),
        cancellationToken);

    private async Task DownloadFileAsync(VolumeFile file, string target, CancellationToken cancellationToken)
    {
        // A link that is there would lead elsewhere.
        File.Delete(target);
        var content = await ReadFileAsync(file.Path, cancellationToken).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            var written = new FileStream(target, FileMode.CreateNew);
            await using (written.ConfigureAwait(false))
            {
                await content.CopyToAsync(written, cancellationToken).ConfigureAwait(false);
            }
        }

        File.SetLastWriteTimeUtc(target, file.Modified.UtcDateTime);
    }

    private static VolumeDescription Describe(VolumeInfo info) =>
        new(info.Name, DateTimeOffset.FromUnixTimeMilliseconds(info.CreatedUnixMs), DateTimeOffset.FromUnixTimeMilliseconds(info.ChangedUnixMs), info.Version);

    private static VolumeFileKind ToKind(VolumeEntryKind kind) => kind switch
    {
        VolumeEntryKind.Directory => VolumeFileKind.Directory,
        VolumeEntryKind.Link => VolumeFileKind.Link,
        VolumeEntryKind.Fifo => VolumeFileKind.Pipe,
        _ => VolumeFileKind.File,
    };
}
