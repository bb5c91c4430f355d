namespace Modal.Connections;

/// <summary>Finds the host program that serves as the local daemon.</summary>
internal sealed record HostProgram(string Path, string Build)
{
    public const string Variable = "MODAL_HOST";

    /// <summary>The program that the variable or the pointer in the state directory names, or null.</summary>
    public static HostProgram? Find()
    {
        var path = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(path) && File.Exists(StateDirectory.HostPointer))
        {
            path = File.ReadAllText(StateDirectory.HostPointer).Trim();
        }

        if (string.IsNullOrEmpty(path) || !File.Exists(path))
        {
            return null;
        }

        // Written by the build beside the program; without it every build counts as the same.
        var buildFile = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, "build-id");
        return new HostProgram(path, File.Exists(buildFile) ? File.ReadAllText(buildFile).Trim() : "");
    }
}
