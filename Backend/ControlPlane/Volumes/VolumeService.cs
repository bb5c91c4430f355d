using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>Volumes over gRPC, for clients and workers.</summary>
internal sealed partial class VolumeService(
    VolumeRecords records, VolumeTrees trees, EnvironmentNames environments, IObjectTier tier, TierBlobs blobs, TimeProvider time, ILogger<VolumeService> logger) : Protocol.Volumes.VolumesBase
{
    private const int MaxListed = 1000;
    private const int PartBytes = 1024 * 1024;
    private readonly FileReader _reader = new(tier, time, logger);

    public override Task<VolumeInfo> GetVolume(GetVolumeRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        CheckName(request.Name);
        var environment = await environments.ResolveAsync(request.Environment);
        if (await records.FindAsync(environment, request.Name) is null && request.CreateIfMissing)
        {
            await records.CreateAsync(environment, request.Name, await trees.StoreEmptyAsync(context.CancellationToken));
        }

        return (await FindAsync(environment, request.Name)).ToInfo();
    });

    public override async Task<ListVolumesReply> ListVolumes(ListVolumesRequest request, ServerCallContext context) =>
        new() { Volumes = { (await records.ListAsync(await environments.ResolveAsync(request.Environment))).Select(static v => v.ToInfo()) } };

    public override async Task<DeleteVolumeReply> DeleteVolume(DeleteVolumeRequest request, ServerCallContext context)
    {
        var environment = await environments.ResolveAsync(request.Environment);
        return await records.DeleteAsync(environment, request.Name) ? new DeleteVolumeReply() : throw Missing(environment, request.Name);
    }

    public override async Task<VolumeInfo> RenameVolume(RenameVolumeRequest request, ServerCallContext context)
    {
        CheckName(request.NewName);
        var environment = await environments.ResolveAsync(request.Environment);
        await FindAsync(environment, request.Name);
        return await records.TryRenameAsync(environment, request.Name, request.NewName)
            ? (await FindAsync(environment, request.NewName)).ToInfo()
            : throw new RpcException(new Status(StatusCode.AlreadyExists, $"There is a volume '{request.NewName}' already."));
    }

    public override async Task<VolumeVersion> GetVersion(GetVolumeVersionRequest request, ServerCallContext context) => (await FindAsync(request.VolumeId)).ToVersion();

    public override Task<CommitVolumeReply> Commit(CommitVolumeRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        if (!ObjectKeys.TryGetImageId(request.Index, out _) || await tier.GetSizeAsync(ObjectKeys.Index(request.Index), context.CancellationToken) is null)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"The index '{request.Index}' is not in the store."));
        }

        var committed = await records.TryCommitAsync(request.VolumeId, request.Version, request.Index);
        return new CommitVolumeReply { Committed = committed, Newest = (await FindAsync(request.VolumeId)).ToVersion() };
    });

    public override Task ListFiles(ListVolumeFilesRequest request, IServerStreamWriter<ListVolumeFilesReply> responses, ServerCallContext context) => Guard(context, async () =>
    {
        var index = await trees.OpenAsync((await FindAsync(await environments.ResolveAsync(request.Environment), request.Name)).Index_name, context.CancellationToken);
        foreach (var page in VolumeFiles.List(index, request.Path, request.Recursive).Chunk(MaxListed))
        {
            await responses.WriteAsync(new ListVolumeFilesReply { Entries = { page } }, context.CancellationToken);
        }

        return true;
    });

    public override Task ReadFile(ReadVolumeFileRequest request, IServerStreamWriter<VolumeFilePart> responses, ServerCallContext context) => Guard(context, async () =>
    {
        if (request.Offset < 0 || request.SizeBytes < 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"{request.SizeBytes} bytes from {request.Offset} were asked for; both must be 0 or more."));
        }

        var index = await trees.OpenAsync((await FindAsync(await environments.ResolveAsync(request.Environment), request.Name)).Index_name, context.CancellationToken);
        var node = VolumeFiles.Find(index, request.Path);
        if (!index.GetNode(node).IsFile)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"'{request.Path}' is no file."));
        }

        await foreach (var piece in _reader.ReadAsync(index, node, request.Offset, request.SizeBytes > 0 ? request.SizeBytes : long.MaxValue, context.CancellationToken))
        {
            for (var at = 0; at < piece.Length; at += PartBytes)
            {
                // Pieces are nobody else's and do not change.
                await responses.WriteAsync(new VolumeFilePart { Data = UnsafeByteOperations.UnsafeWrap(piece[at..Math.Min(piece.Length, at + PartBytes)]) }, context.CancellationToken);
            }
        }

        return true;
    });

    public override Task<ChangeVolumeReply> WriteFiles(WriteVolumeFilesRequest request, ServerCallContext context) => ChangeAsync(
        request.Environment, request.Name, (root, writer) => VolumeFiles.WriteAsync(root, writer, request, blobs, context.CancellationToken), context);

    public override Task<ChangeVolumeReply> RemoveFiles(RemoveVolumeFilesRequest request, ServerCallContext context) => ChangeAsync(
        request.Environment, request.Name, (root, _) => Task.Run(() => VolumeFiles.Remove(root, request.Path, request.Recursive)), context);

    public override Task<ChangeVolumeReply> CopyFiles(CopyVolumeFilesRequest request, ServerCallContext context) => ChangeAsync(
        request.Environment, request.Name, (root, _) => Task.Run(() => VolumeFiles.Copy(root, request.Sources, request.Destination)), context);

    private Task<ChangeVolumeReply> ChangeAsync(string environment, string name, Func<TreeNode, ContentWriter, Task> change, ServerCallContext context) => Guard(context, async () =>
    {
        var resolved = await environments.ResolveAsync(environment);
        return new ChangeVolumeReply { Version = await trees.ChangeAsync(() => FindAsync(resolved, name), change, context.CancellationToken) };
    });

    private async Task<VolumeRecord> FindAsync(string environment, string name) => await records.FindAsync(environment, name) ?? throw Missing(environment, name);

    private async Task<VolumeRecord> FindAsync(string volumeId) =>
        await records.FindAsync(volumeId) ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no volume {volumeId}: it was deleted."));

    private static RpcException Missing(string environment, string name) =>
        new(new Status(StatusCode.NotFound, $"There is no volume '{name}' in the environment '{environment}'. Volume.FromName makes it with createIfMissing."));

    private static void CheckName(string name)
    {
        if (!ValidName().IsMatch(name) || name.StartsWith(Id.Volume, StringComparison.Ordinal))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{name}' cannot name a volume: use 1 to 64 letters, digits, '-', '_' and '.', and not '{Id.Volume}' first."));
        }
    }

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (e is IOException && !context.CancellationToken.IsCancellationRequested)
        {
            logger.TierFailed(e);
            throw new RpcException(new Status(e is TierException { IsFull: true } ? StatusCode.ResourceExhausted : StatusCode.Unavailable, e.Message));
        }
        catch (InvalidDataException e)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, e.Message));
        }
    }

    [GeneratedRegex("^[a-zA-Z0-9._-]{1,64}$")]
    private static partial Regex ValidName();
}
