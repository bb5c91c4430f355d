namespace Modal.Scenarios.Harness;

/// <summary>Sandbox processes of a state directory, found as a person with ps would.</summary>
internal static class Sandboxes
{
    /// <summary>The process id of the gVisor sandbox that was made for this container, not before it.</summary>
    public static int OfContainer(string stateDirectory, string containerId) => Of(stateDirectory).First(pid => CommandLine($"/proc/{pid}").Contains(containerId, StringComparison.Ordinal));

    /// <summary>Process ids of the gVisor sandboxes whose containers belong to this state directory.</summary>
    public static IReadOnlyList<int> Of(string stateDirectory) =>
        [.. Directory.EnumerateDirectories("/proc")
            .Select(d => (Pid: int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0, Folder: d))
            .Where(p => p.Pid > 0 && CommandLine(p.Folder) is var line && line.StartsWith("runsc-sandbox", StringComparison.Ordinal) && line.Contains(stateDirectory, StringComparison.Ordinal))
            .Select(p => p.Pid)];

    /// <summary>The process that serves the images of a state directory; waits for it, because calls go on while a new one is being started.</summary>
    public static async Task<int> FindImageServerAsync(string stateDirectory, CancellationToken cancellationToken)
    {
        while (true)
        {
            var pid = Directory.EnumerateDirectories("/proc")
                .Select(d => (Pid: int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0, Folder: d))
                .FirstOrDefault(p => p.Pid > 0 && CommandLine(p.Folder) is var line
                    && line.Contains("Modal.Backend.ImageFs", StringComparison.Ordinal) && line.Contains(stateDirectory, StringComparison.Ordinal))
                .Pid;
            if (pid > 0)
            {
                return pid;
            }

            await Task.Delay(20, cancellationToken);
        }
    }

    private static string CommandLine(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ');
        }
        catch (IOException)
        {
            // It ended while we looked.
            return "";
        }
    }
}
