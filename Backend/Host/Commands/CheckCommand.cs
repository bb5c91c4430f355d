using Modal.Backend.Store.Checking;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Host.Commands;

/// <summary>Reads all of a store and says what is damaged.</summary>
internal static class CheckCommand
{
    /// <param name="address">The store.</param>
    /// <param name="repair">Move damaged objects aside, so that what needs them is built anew.</param>
    /// <param name="output">Gets a line for each finding and one for all.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<int> RunAsync(string address, bool repair, TextWriter output, CancellationToken cancellationToken)
    {
        IReadOnlyList<Finding> findings;
        IObjectTier tier;
        try
        {
            tier = TierAddress.Open(address);
            using var close = tier as IDisposable;
            findings = await StoreCheck.RunAsync(tier, repair, cancellationToken);
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            await output.WriteLineAsync(e.Message);
            return (int)ExitCode.Failure;
        }

        foreach (var finding in findings)
        {
            await output.WriteLineAsync($"{finding.Key}: {finding.What}{(finding.Images.Count > 0 ? $" Images that need it: {string.Join(", ", finding.Images)}" : "")}");
        }

        await output.WriteLineAsync(findings.Count switch
        {
            0 => $"{tier.Name}: nothing is damaged.",
            _ when repair => $"{tier.Name}: {findings.Count} objects were damaged or missing, and are out of the way: their images are built anew when they are asked for.",
            _ => $"{tier.Name}: {findings.Count} objects are damaged or missing. With --repair they are moved aside, and their images built anew when they are asked for.",
        });
        return (int)(findings.Count > 0 && !repair ? ExitCode.Damaged : ExitCode.Success);
    }
}
