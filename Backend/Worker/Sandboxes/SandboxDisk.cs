using System.ComponentModel;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>
/// A container's own disk: a file system of a fixed size in a file that takes space only for what is written. What goes beyond fails inside with "No space left on device". Measured at 40 to 60 ms,
/// however large it is. It is made new for each container, so it needs no journal.
/// </summary>
internal static class SandboxDisk
{
    // Where administrators' programs are, also when they are not in this process's PATH.
    private static readonly string[] s_programs = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>Makes it and mounts it.</summary>
    /// <param name="folder">The container's folder on this machine.</param>
    /// <param name="sizeMiB">Its size; what the file system itself needs, some two percent, is part of it.</param>
    /// <param name="cancellationToken">Ends waiting; nothing of it is left.</param>
    /// <returns>Where it is mounted, or why it cannot be.</returns>
    public static async Task<(string? Path, string Obstacle)> MakeAsync(string folder, long sizeMiB, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, "disk.img");
        var point = MountPoint(folder);
        Directory.CreateDirectory(point);
        try
        {
            await using (var stream = File.Create(file))
            {
                stream.SetLength(sizeMiB * 1024 * 1024);
            }

            // Without what a disk that is thrown away does not need: journal, space for growing, blocks kept for root.
            await RunAsync(["mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-i", "16384", "-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard", file], cancellationToken);
            await RunAsync(["mount", "-t", "ext4", "-o", "loop,nosuid,nodev,noatime", file, point], cancellationToken);
            Directory.Delete(Path.Combine(point, "lost+found"));
            File.SetUnixFileMode(
                point,
                UnixFileMode.StickyBit | UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
            return (point, "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
        {
            Remove(folder);
            File.Delete(file);
            return (null, e.Message);
        }
        catch (OperationCanceledException)
        {
            Remove(folder);
            File.Delete(file);
            throw;
        }
    }

    /// <summary>Takes it away; its space is free when the last process has let go of it and its file is deleted. There being none is fine.</summary>
    public static void Remove(string folder) => Mounts.Unmount(MountPoint(folder));

    private static string MountPoint(string folder) => Path.Combine(folder, "disk");

    private static async Task RunAsync(string[] command, CancellationToken cancellationToken)
    {
        var program = s_programs.Select(folder => Path.Combine(folder, command[0])).FirstOrDefault(File.Exists) ?? throw new IOException($"The program {command[0]} was not found.");
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, command[1..]) { RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();

        // Not cancelled in the middle: a mount whose program was killed may or may not be there.
        var complaint = await process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new IOException($"{command[0]} ended with exit code {process.ExitCode}: {complaint.Trim()}");
        }
    }
}
