using System.Diagnostics;
using Modal.Backend.Worker.Gpus.Native;
using Modal.Backend.Worker.Native;
using Xunit;

namespace Modal.Backend.Worker.Tests.Native;

/// <summary>The C compiler proves every constant and layout of the native imports against the real headers.</summary>
public sealed class LayoutTests
{
    [Fact]
    public async Task ConstantsAndLayouts_MatchTheHeaders()
    {
        const string Compiler = "/usr/bin/cc";
        if (!File.Exists(Compiler))
        {
            Assert.Skip("There is no C compiler; install gcc.");
        }

        var source = $"""
            #define _GNU_SOURCE
            #include <errno.h>
            #include <fcntl.h>
            #include <signal.h>
            #include <spawn.h>
            #include <stddef.h>
            #include <sys/epoll.h>
            #include <sys/eventfd.h>
            #include <sys/prctl.h>
            #include <sys/socket.h>
            #include <sys/stat.h>
            #include <sys/syscall.h>
            #include <sys/wait.h>
            #include <linux/wait.h>
            #define SAME(what, value) _Static_assert((what) == (value), #what)
            SAME(EINTR, {Errno.EINTR}); SAME(ECHILD, {Errno.ECHILD}); SAME(EAGAIN, {Errno.EAGAIN}); SAME(EPIPE, {Errno.EPIPE}); SAME(ECONNRESET, {Errno.ECONNRESET});
            SAME(O_NONBLOCK, {Unistd.O_NONBLOCK}); SAME(O_CLOEXEC, {Unistd.O_CLOEXEC}); SAME(F_GETFL, {Unistd.F_GETFL}); SAME(F_SETFL, {Unistd.F_SETFL});
            SAME(AF_UNIX, {Socket.AF_UNIX}); SAME(SOCK_STREAM, {Socket.SOCK_STREAM}); SAME(SOCK_CLOEXEC, {Socket.SOCK_CLOEXEC});
            SAME(MSG_DONTWAIT, {Socket.MSG_DONTWAIT}); SAME(MSG_NOSIGNAL, {Socket.MSG_NOSIGNAL}); SAME(SHUT_RDWR, {Socket.SHUT_RDWR});
            SAME(EPOLL_CLOEXEC, {Epoll.EPOLL_CLOEXEC}); SAME(EPOLL_CTL_ADD, {Epoll.EPOLL_CTL_ADD}); SAME(EPOLL_CTL_DEL, {Epoll.EPOLL_CTL_DEL});
            SAME(EPOLL_CTL_MOD, {Epoll.EPOLL_CTL_MOD}); SAME(EPOLLIN, {Epoll.EPOLLIN}); SAME(EPOLLOUT, {Epoll.EPOLLOUT});
            SAME(EFD_CLOEXEC, {Epoll.EFD_CLOEXEC}); SAME(EFD_NONBLOCK, {Epoll.EFD_NONBLOCK});
            SAME(sizeof(struct epoll_event), {Epoll.EventSize}); SAME(offsetof(struct epoll_event, data), {Epoll.DataOffset});
            SAME(P_PID, {Wait.P_PID}); SAME(P_PIDFD, {Wait.P_PIDFD}); SAME(WNOHANG, {Wait.WNOHANG}); SAME(WEXITED, {Wait.WEXITED}); SAME(CLD_EXITED, {Wait.CLD_EXITED});
            SAME(SIGKILL, {Wait.SIGKILL}); SAME(SIGTERM, {Wait.SIGTERM}); SAME(PR_SET_CHILD_SUBREAPER, {Wait.PR_SET_CHILD_SUBREAPER});
            SAME(SYS_pidfd_send_signal, {Wait.SYS_pidfd_send_signal}); SAME(SYS_pidfd_open, {Wait.SYS_pidfd_open});
            SAME(sizeof(siginfo_t), {Wait.SiginfoSize}); SAME(offsetof(siginfo_t, si_code), {Wait.SiginfoCodeOffset});
            SAME(offsetof(siginfo_t, si_pid), {Wait.SiginfoPidOffset}); SAME(offsetof(siginfo_t, si_status), {Wait.SiginfoStatusOffset});
            SAME(POSIX_SPAWN_SETSIGDEF, {Spawn.POSIX_SPAWN_SETSIGDEF}); SAME(POSIX_SPAWN_SETSIGMASK, {Spawn.POSIX_SPAWN_SETSIGMASK}); SAME(POSIX_SPAWN_SETSID, {Spawn.POSIX_SPAWN_SETSID});
            SAME(sizeof(struct statx), {DeviceNode.StatxSize}); SAME(offsetof(struct statx, stx_mode), {DeviceNode.ModeOffset});
            SAME(offsetof(struct statx, stx_rdev_major), {DeviceNode.MajorOffset}); SAME(offsetof(struct statx, stx_rdev_minor), {DeviceNode.MinorOffset});
            SAME(S_IFMT, {DeviceNode.S_IFMT}); SAME(S_IFCHR, {DeviceNode.S_IFCHR}); SAME(AT_FDCWD, {DeviceNode.AT_FDCWD}); SAME(STATX_BASIC_STATS, {DeviceNode.STATX_BASIC_STATS});
            _Static_assert(sizeof(posix_spawnattr_t) <= {Spawn.OpaqueBytes}, "posix_spawnattr_t");
            _Static_assert(sizeof(posix_spawn_file_actions_t) <= {Spawn.OpaqueBytes}, "posix_spawn_file_actions_t");
            _Static_assert(sizeof(sigset_t) <= {Spawn.OpaqueBytes}, "sigset_t");

            """;
        var folder = Directory.CreateTempSubdirectory("modal-layout-").FullName;
        var file = Path.Combine(folder, "layout.c");
        await File.WriteAllTextAsync(file, source, TestContext.Current.CancellationToken);

        using var compiler = Process.Start(new ProcessStartInfo(Compiler, ["-fsyntax-only", file]) { RedirectStandardError = true })!;
        var complaints = await compiler.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await compiler.WaitForExitAsync(TestContext.Current.CancellationToken);

        Directory.Delete(folder, recursive: true);
        Assert.True(compiler.ExitCode == 0, complaints);
    }
}
