namespace Modal.Scenarios.Harness;

/// <summary>Where the repository's programs are.</summary>
internal static class HostPaths
{
    public static string Root { get; } = FindRoot();

    public static string HostProgram =>
        Environment.GetEnvironmentVariable("MODAL_HOST") is { Length: > 0 } set
            ? set
            : File.Exists(Published)
                ? Published
                : throw new FileNotFoundException("The host program is not published. Run './run --setup' once.", Published);

    public static string ShopProgram => Path.Combine(AppContext.BaseDirectory, "Modal.ScenarioShop.dll");

    public static string ScenarioProgram => Path.Combine(AppContext.BaseDirectory, "Modal.ScenarioApp.dll");

    private static string Published => Path.Combine(Root, "artifacts", "host", "Modal.Backend.Host.dll");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Modal.Sdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("These tests must run from inside the repository.");
    }
}
