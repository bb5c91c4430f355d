using Modal;

// Deploys itself: APP [ENVIRONMENT [TAG]].
var deployed = await App.DeployAsync(args[0], new DeployOptions { Environment = args.ElementAtOrDefault(1), Tag = args.ElementAtOrDefault(2) });
Console.WriteLine($"{deployed.Name} version {deployed.Version}{(deployed.IsUnchanged ? ", unchanged" : "")}");
