using System.Diagnostics;

namespace Modal.Deployments;

/// <summary>What git says of the folder of the program.</summary>
internal static class GitState
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    /// <summary>The commit, empty if the folder is not under git or git is not here; and whether files differ from it.</summary>
    public static async Task<(string Commit, bool IsDirty)> ReadAsync(string folder)
    {
        var commit = await RunAsync(folder, "rev-parse", "HEAD").ConfigureAwait(false);
        return commit is null ? ("", false) : (commit, await RunAsync(folder, "status", "--porcelain", "--untracked-files=no").ConfigureAwait(false) is { Length: > 0 });
    }

    private static async Task<string?> RunAsync(string folder, params string[] arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true });
            using var limit = new CancellationTokenSource(s_limit);
            var output = await git!.StandardOutput.ReadToEndAsync(limit.Token).ConfigureAwait(false);
            await git.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return git.ExitCode == 0 ? output.Trim() : null;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or OperationCanceledException)
        {
            return null;
        }
    }
}
