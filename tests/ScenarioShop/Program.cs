using Modal;

// Deploys itself: APP [TAG].
var deployed = await App.DeployAsync(args[0], new DeployOptions { Tag = args.ElementAtOrDefault(1) });
Console.WriteLine($"{deployed.Name} version {deployed.Version}{(deployed.IsUnchanged ? ", unchanged" : "")}");
