using System.Diagnostics;

namespace Modal.ScenarioApp;

/// <summary>Functions with images of their own. Where an image comes from is known only when the test runs.</summary>
public static partial class Imaged
{
    private static Image Python => Image.DebianSlim().AptInstall("python3", "python3-numpy", "python3-pip");

    private static Image FromIndex => Python.PipInstall(new PipOptions { IndexUrl = Variable("TEST_PIP_INDEX") }, "modal-scenario-package==1.2");

    private static Image FromDockerfile => Image.FromDockerfile(Path.Combine(Variable("TEST_DOCKER_CONTEXT"), "Dockerfile"), buildArguments: new Dictionary<string, string> { ["BASE"] = Variable("TEST_REGISTRY_IMAGE") });

    private static Image FromRegistry => Image.FromRegistry(Variable("TEST_REGISTRY_IMAGE"))
        .Env("GREETING", "hello")
        .Workdir("/srv/work")
        .User("1234:1234")
        .RunCommands("touch /tmp/kept; id -u > /srv/work/who || true")
        .AddLocalDirectory(Variable("TEST_LOCAL_DIRECTORY"), "/srv/data", ignore: ["*.log"])
        .AddLocalFile(Path.Combine(Variable("TEST_LOCAL_DIRECTORY"), "one.txt"), "/etc/one.conf");

    private static Image Made => Image.DebianSlim().RunCommands("echo made > /made.txt");

    private static Image Prepared => Image.DebianSlim().Env("PLACE", "/srv/prepared.txt").Workdir("/srv").RunFunction(Remote.Prepare, ("by a function", 3));

    private static Image FailingFunction => Image.DebianSlim().RunFunction(Remote.Refuse);

    private static Image Failing => Image.DebianSlim().RunCommands("echo before; echo to stderr >&2; exit 3");

    [Function(Image = nameof(Python))]
    public static string Numpy() => Run("python3", "-c", "import numpy; print(int(numpy.arange(5).sum()))");

    [Function(Image = nameof(Python))]
    public static string SameImage() => Run("python3", "--version");

    [Function(Image = nameof(FromIndex))]
    public static string FromLocalIndex() => Run("python3", "-c", "import modal_scenario_package; print(modal_scenario_package.NAME)");

    [Function(Image = nameof(FromDockerfile))]
    public static string ReadBuilt() => File.ReadAllText("/srv/made.txt");

    [Function(Image = nameof(FromRegistry))]
    public static string Describe() => string.Join('|', Environment.GetEnvironmentVariable("GREETING"), Environment.CurrentDirectory, Run("id", "-u"), File.ReadAllText("/srv/data/sub/two.txt"), File.ReadAllText("/etc/one.conf"), File.Exists("/srv/data/x.log"), File.Exists("/srv/work/who"));

    [Function(Image = nameof(Made))]
    public static string ReadMade() => File.ReadAllText("/made.txt").Trim();

    /// <summary>Runs inside the build of an image.</summary>
    [Function]
    public static async Task<int> Prepare(string text, int times)
    {
        await File.WriteAllTextAsync(Variable("PLACE"), string.Join(' ', Enumerable.Repeat(text, times)) + $" as {Environment.UserName} in {Environment.CurrentDirectory}");
        Console.WriteLine("prepared it");
        return times;
    }

    [Function]
    public static void Refuse() => throw new InvalidOperationException("There is nothing to prepare.");

    [Function(Image = nameof(Prepared))]
    public static string ReadPrepared() => File.ReadAllText("/srv/prepared.txt");

    [Function(Image = nameof(FailingFunction))]
    public static int NeverPrepared() => 1;

    [Function(Image = nameof(Failing))]
    public static int NeverRuns() => 1;

    /// <summary>Tries to change the image from inside.</summary>
    [Function(Image = nameof(Python))]
    public static string Scribble()
    {
        File.WriteAllText("/tmp/mine", "x");
        try
        {
            File.AppendAllText("/etc/os-release", "changed");
            return "changed";
        }
        catch (UnauthorizedAccessException)
        {
            return "refused";
        }
    }

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set.");

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd().Trim();
    }
}
