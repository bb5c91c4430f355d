namespace Modal.ScenarioApp;

/// <summary>Deploys this program, as a person does with a program of his own.</summary>
internal static class Deploying
{
    public static async Task RunAsync(string app, string? environment)
    {
        var deployed = await App.DeployAsync(app, new DeployOptions { Environment = environment });
        Console.WriteLine($"{deployed.Name} version {deployed.Version}{(deployed.IsUnchanged ? ", unchanged" : "")}");
    }
}
