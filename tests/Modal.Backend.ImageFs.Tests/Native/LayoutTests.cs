using System.Runtime.CompilerServices;
using CliWrap;
using CliWrap.Buffered;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Protocol;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Native;

/// <summary>The C compiler proves every constant and layout against the real headers; what they are too old for, it skips.</summary>
public sealed class LayoutTests
{
    [Fact]
    public async Task ConstantsAndLayouts_MatchTheHeaders()
    {
        const string Compiler = "/usr/bin/cc";
        if (!File.Exists(Compiler) || !File.Exists("/usr/include/linux/fuse.h"))
        {
            Assert.Skip("There is no C compiler or no linux/fuse.h; install gcc and linux-libc-dev.");
        }

        var folder = Directory.CreateTempSubdirectory("modal-layout-").FullName;
        var file = Path.Combine(folder, "layout.c");
        await File.WriteAllTextAsync(file, MakeSource(), TestContext.Current.CancellationToken);

        var compiled = await Cli.Wrap(Compiler).WithArguments(["-fsyntax-only", file]).WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(TestContext.Current.CancellationToken);

        Directory.Delete(folder, recursive: true);
        Assert.True(compiled.ExitCode == 0, compiled.StandardError);
    }

    private static string MakeSource() => $"""
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stddef.h>
        #include <unistd.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <sys/mount.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <sys/wait.h>
        #include <linux/fuse.h>
        #define SAME(what, value) _Static_assert((what) == (value), #what)
        SAME(ENOENT, {Errno.ENOENT}); SAME(EINTR, {Errno.EINTR}); SAME(EIO, {Errno.EIO}); SAME(ECHILD, {Errno.ECHILD}); SAME(EAGAIN, {Errno.EAGAIN}); SAME(EBUSY, {Errno.EBUSY}); SAME(ENODEV, {Errno.ENODEV});
        SAME(EINVAL, {Errno.EINVAL}); SAME(EROFS, {Errno.EROFS}); SAME(EPIPE, {Errno.EPIPE}); SAME(ERANGE, {Errno.ERANGE}); SAME(ENAMETOOLONG, {Errno.ENAMETOOLONG}); SAME(ENOSYS, {Errno.ENOSYS});
        SAME(ENODATA, {Errno.ENODATA}); SAME(EPROTO, {Errno.EPROTO}); SAME(ECONNRESET, {Errno.ECONNRESET}); SAME(ESTALE, {Errno.ESTALE});
        SAME(O_RDONLY, {Fcntl.O_RDONLY}); SAME(O_RDWR, {Fcntl.O_RDWR}); SAME(O_CLOEXEC, {Fcntl.O_CLOEXEC}); SAME(SEEK_END, {Unistd.SEEK_END}); SAME(MFD_CLOEXEC, {Memfd.MFD_CLOEXEC});
        SAME(MS_RDONLY, {Mounting.MS_RDONLY}); SAME(MS_NOSUID, {Mounting.MS_NOSUID}); SAME(MS_NODEV, {Mounting.MS_NODEV}); SAME(MS_NOATIME, {Mounting.MS_NOATIME});
        SAME(MS_BIND, {Mounting.MS_BIND}); SAME(MS_REC, {Mounting.MS_REC}); SAME(MS_PRIVATE, {Mounting.MS_PRIVATE}); SAME(MNT_DETACH, {Mounting.MNT_DETACH}); SAME(UMOUNT_NOFOLLOW, {Mounting.UMOUNT_NOFOLLOW});
        SAME(AF_UNIX, {Socket.AF_UNIX}); SAME(SOCK_STREAM, {Socket.SOCK_STREAM}); SAME(SOCK_CLOEXEC, {Socket.SOCK_CLOEXEC}); SAME(SOL_SOCKET, {Socket.SOL_SOCKET}); SAME(SCM_RIGHTS, {Socket.SCM_RIGHTS});
        SAME(SHUT_WR, {Socket.SHUT_WR}); SAME(MSG_NOSIGNAL, {Socket.MSG_NOSIGNAL}); SAME(MSG_CMSG_CLOEXEC, {Socket.MSG_CMSG_CLOEXEC});
        SAME(sizeof(struct iovec), {Unsafe.SizeOf<Socket.IoVector>()}); SAME(sizeof(struct msghdr), {Unsafe.SizeOf<Socket.MessageHeader>()}); SAME(sizeof(struct cmsghdr), {Unsafe.SizeOf<Socket.ControlHeader>()});
        SAME(offsetof(struct msghdr, msg_iov), {Offset<Socket.MessageHeader>(nameof(Socket.MessageHeader.Vectors))}); SAME(offsetof(struct msghdr, msg_control), {Offset<Socket.MessageHeader>(nameof(Socket.MessageHeader.Control))});
        SAME(offsetof(struct msghdr, msg_controllen), {Offset<Socket.MessageHeader>(nameof(Socket.MessageHeader.ControlLength))}); SAME(offsetof(struct cmsghdr, cmsg_type), {Offset<Socket.ControlHeader>(nameof(Socket.ControlHeader.Type))});
        SAME(SIGKILL, {Processes.SIGKILL}); SAME(SIGTERM, {Processes.SIGTERM}); SAME(SYS_pidfd_send_signal, {Processes.SYS_pidfd_send_signal}); SAME(SYS_pidfd_open, {Processes.SYS_pidfd_open});
        SAME(POSIX_SPAWN_SETSIGDEF, {Spawn.POSIX_SPAWN_SETSIGDEF}); SAME(POSIX_SPAWN_SETSIGMASK, {Spawn.POSIX_SPAWN_SETSIGMASK}); SAME(POSIX_SPAWN_SETSID, {Spawn.POSIX_SPAWN_SETSID});
        _Static_assert(sizeof(posix_spawnattr_t) <= {Spawn.OpaqueBytes}, "posix_spawnattr_t");
        _Static_assert(sizeof(posix_spawn_file_actions_t) <= {Spawn.OpaqueBytes}, "posix_spawn_file_actions_t");
        SAME(FUSE_ROOT_ID, {FuseConstants.RootId}); SAME(FUSE_MIN_READ_BUFFER, {FuseConstants.MinReadBuffer}); SAME(FUSE_KERNEL_VERSION, {FuseConstants.Major});
        SAME(FUSE_DEV_IOC_CLONE, {FuseDevice.FUSE_DEV_IOC_CLONE}u); SAME(FOPEN_KEEP_CACHE, {FuseConstants.FOPEN_KEEP_CACHE}); SAME(FOPEN_CACHE_DIR, {FuseConstants.FOPEN_CACHE_DIR});
        {Opcodes()}
        SAME(FUSE_ASYNC_READ, {(ulong)FuseFeatures.AsyncRead}); SAME(FUSE_DO_READDIRPLUS, {(ulong)FuseFeatures.DoReadDirPlus}); SAME(FUSE_READDIRPLUS_AUTO, {(ulong)FuseFeatures.ReadDirPlusAuto});
        SAME(FUSE_NO_OPEN_SUPPORT, {(ulong)FuseFeatures.NoOpenSupport}); SAME(FUSE_PARALLEL_DIROPS, {(ulong)FuseFeatures.ParallelDirOps}); SAME(FUSE_MAX_PAGES, {(ulong)FuseFeatures.MaxPages});
        SAME(FUSE_CACHE_SYMLINKS, {(ulong)FuseFeatures.CacheSymlinks}); SAME(FUSE_NO_OPENDIR_SUPPORT, {(ulong)FuseFeatures.NoOpenDirSupport}); SAME(FUSE_INIT_EXT, {(ulong)FuseFeatures.InitExt});
        {Struct<FuseInHeader>("fuse_in_header", ("nodeid", nameof(FuseInHeader.NodeId)), ("unique", nameof(FuseInHeader.Unique)), ("total_extlen", nameof(FuseInHeader.ExtensionLength)))}
        {Struct<FuseOutHeader>("fuse_out_header", ("error", nameof(FuseOutHeader.Error)), ("unique", nameof(FuseOutHeader.Unique)))}
        {Struct<FuseInitIn>("fuse_init_in", ("max_readahead", nameof(FuseInitIn.MaxReadAhead)), ("flags", nameof(FuseInitIn.Flags)), ("flags2", nameof(FuseInitIn.Flags2)))}
        {Struct<FuseInitOut>("fuse_init_out", ("flags", nameof(FuseInitOut.Flags)), ("max_background", nameof(FuseInitOut.MaxBackground)), ("congestion_threshold", nameof(FuseInitOut.CongestionThreshold)),
            ("max_write", nameof(FuseInitOut.MaxWrite)), ("time_gran", nameof(FuseInitOut.TimeGranularity)), ("max_pages", nameof(FuseInitOut.MaxPages)), ("flags2", nameof(FuseInitOut.Flags2)))}
        {Struct<FuseAttr>("fuse_attr", ("ino", nameof(FuseAttr.Inode)), ("size", nameof(FuseAttr.Size)), ("blocks", nameof(FuseAttr.Blocks)), ("mtime", nameof(FuseAttr.Modified)), ("ctime", nameof(FuseAttr.Changed)),
            ("mtimensec", nameof(FuseAttr.ModifiedNanoseconds)), ("mode", nameof(FuseAttr.Mode)), ("nlink", nameof(FuseAttr.LinkCount)), ("uid", nameof(FuseAttr.Uid)), ("gid", nameof(FuseAttr.Gid)), ("rdev", nameof(FuseAttr.Device)), ("blksize", nameof(FuseAttr.BlockSize)))}
        {Struct<FuseEntryOut>("fuse_entry_out", ("nodeid", nameof(FuseEntryOut.NodeId)), ("entry_valid", nameof(FuseEntryOut.EntryValid)), ("attr_valid", nameof(FuseEntryOut.AttrValid)), ("attr", nameof(FuseEntryOut.Attr)))}
        {Struct<FuseAttrOut>("fuse_attr_out", ("attr_valid", nameof(FuseAttrOut.AttrValid)), ("attr", nameof(FuseAttrOut.Attr)))}
        {Struct<FuseOpenIn>("fuse_open_in", ("flags", nameof(FuseOpenIn.Flags)))}
        {Struct<FuseOpenOut>("fuse_open_out", ("fh", nameof(FuseOpenOut.Handle)), ("open_flags", nameof(FuseOpenOut.OpenFlags)))}
        {Struct<FuseReleaseIn>("fuse_release_in", ("fh", nameof(FuseReleaseIn.Handle)), ("release_flags", nameof(FuseReleaseIn.ReleaseFlags)))}
        {Struct<FuseReadIn>("fuse_read_in", ("offset", nameof(FuseReadIn.Offset)), ("size", nameof(FuseReadIn.Size)))}
        {Struct<FuseGetXattrIn>("fuse_getxattr_in", ("size", nameof(FuseGetXattrIn.Size)))}
        {Struct<FuseGetXattrOut>("fuse_getxattr_out", ("size", nameof(FuseGetXattrOut.Size)))}
        {Struct<FuseInterruptIn>("fuse_interrupt_in", ("unique", nameof(FuseInterruptIn.Unique)))}
        {Struct<FuseStatFsOut>("fuse_statfs_out", ("st.blocks", nameof(FuseStatFsOut.Blocks)), ("st.files", nameof(FuseStatFsOut.Files)), ("st.bsize", nameof(FuseStatFsOut.BlockSize)),
            ("st.namelen", nameof(FuseStatFsOut.NameLength)), ("st.frsize", nameof(FuseStatFsOut.FragmentSize)))}
        SAME(offsetof(struct fuse_dirent, name), {Unsafe.SizeOf<FuseDirent>()}); SAME(offsetof(struct fuse_dirent, off), {Offset<FuseDirent>(nameof(FuseDirent.Offset))});
        SAME(offsetof(struct fuse_dirent, namelen), {Offset<FuseDirent>(nameof(FuseDirent.NameLength))}); SAME(offsetof(struct fuse_dirent, type), {Offset<FuseDirent>(nameof(FuseDirent.Type))});
        SAME(offsetof(struct fuse_direntplus, dirent), {Unsafe.SizeOf<FuseEntryOut>()});
        #if FUSE_KERNEL_MINOR_VERSION >= 39
        SAME(FUSE_STATX, {(uint)FuseOpcode.Statx}); SAME(FUSE_NO_EXPORT_SUPPORT, {(ulong)FuseFeatures.NoExportSupport});
        #endif
        #if FUSE_KERNEL_MINOR_VERSION >= 40
        SAME(FUSE_PASSTHROUGH, {(ulong)FuseFeatures.Passthrough}ULL); SAME(FUSE_HAS_RESEND, {(ulong)FuseFeatures.HasResend}ULL); SAME(FUSE_NOTIFY_RESEND, {FuseConstants.NotifyResend});
        SAME(FUSE_DEV_IOC_BACKING_OPEN, {FuseDevice.FUSE_DEV_IOC_BACKING_OPEN}u); SAME(FUSE_DEV_IOC_BACKING_CLOSE, {FuseDevice.FUSE_DEV_IOC_BACKING_CLOSE}u);
        SAME(sizeof(struct fuse_backing_map), {Unsafe.SizeOf<FuseDevice.BackingMap>()}); SAME(FOPEN_PASSTHROUGH, {FuseConstants.FOPEN_PASSTHROUGH});
        SAME(offsetof(struct fuse_init_out, max_stack_depth), {Offset<FuseInitOut>(nameof(FuseInitOut.MaxStackDepth))}); SAME(offsetof(struct fuse_open_out, backing_id), {Offset<FuseOpenOut>(nameof(FuseOpenOut.BackingId))});
        #endif

        """;

    private static string Opcodes()
    {
        var names = new Dictionary<FuseOpcode, string>
        {
            [FuseOpcode.MakeNode] = "MKNOD",
            [FuseOpcode.MakeDirectory] = "MKDIR",
            [FuseOpcode.RemoveDirectory] = "RMDIR",
            [FuseOpcode.OpenDirectory] = "OPENDIR",
            [FuseOpcode.ReadDirectory] = "READDIR",
            [FuseOpcode.ReleaseDirectory] = "RELEASEDIR",
            [FuseOpcode.FsyncDirectory] = "FSYNCDIR",
            [FuseOpcode.GetLock] = "GETLK",
            [FuseOpcode.SetLock] = "SETLK",
            [FuseOpcode.SetLockWait] = "SETLKW",
            [FuseOpcode.NotifyReply] = "NOTIFY_REPLY",
            [FuseOpcode.BatchForget] = "BATCH_FORGET",
            [FuseOpcode.ReadDirectoryPlus] = "READDIRPLUS",
            [FuseOpcode.Seek] = "LSEEK",
            [FuseOpcode.CopyFileRange] = "COPY_FILE_RANGE",
            [FuseOpcode.SetupMapping] = "SETUPMAPPING",
            [FuseOpcode.RemoveMapping] = "REMOVEMAPPING",
            [FuseOpcode.TemporaryFile] = "TMPFILE",
        };
        return string.Join(' ', Enum.GetValues<FuseOpcode>().Where(o => o != FuseOpcode.Statx)
            .Select(o => $"SAME(FUSE_{names.GetValueOrDefault(o) ?? o.ToString().ToUpperInvariant()}, {(uint)o});"));
    }

    private static string Struct<T>(string name, params (string Field, string Ours)[] fields)
        where T : unmanaged =>
        $"SAME(sizeof(struct {name}), {Unsafe.SizeOf<T>()}); " + string.Join(' ', fields.Select(f => $"SAME(offsetof(struct {name}, {f.Field}), {Offset<T>(f.Ours)});"));

    private static nint Offset<T>(string field) => System.Runtime.InteropServices.Marshal.OffsetOf<T>(field);
}
