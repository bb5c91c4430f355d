using System.Security.Cryptography;
using Modal.Backend.ControlPlane.Deployments;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Apps;

/// <content>A deployed app: it has no client, and the database is the truth about its version.</content>
internal sealed partial class AppGrain
{
    // One deployment at a time: the grain is reentrant.
    private readonly SemaphoreSlim _deploying = new(1);
    private StoredDeployment? _deployed;

    public async Task<DeployOutcome> DeployAsync(Deploying deploying)
    {
        await _deploying.WaitAsync();
        try
        {
            var before = await LoadAsync();
            var request = deploying.Request;
            var deployment = deploying.Deployment;
            var digest = DeploymentStore.DigestOf(deployment);
            if (before?.Digest == digest)
            {
                return new DeployOutcome(before.Version, IsUnchanged: true, []);
            }

            var stored = new StoredDeployment(
                this.GetPrimaryKeyString(), deploying.Environment, request.Name, (before?.Version ?? 0) + 1, KeepPositions(before?.Deployment, deployment), digest);
            var incompatibilities = ManifestComparison.Compare(before?.Deployment.Manifests ?? [], deployment.Manifests);
            // This is the moment: whoever comes after a crash from here on finds the new version.
            await _deployments.AddAsync(stored, request, deploying.Strategy, deploying.RolledBackTo);
            _logger.AppDeployed(stored.AppId, stored.Name, stored.Version);
            await SwitchAsync(stored, deploying.Strategy);
            return new DeployOutcome(stored.Version, IsUnchanged: false, incompatibilities);
        }
        finally
        {
            _deploying.Release();
        }
    }

    public async Task<LookupOutcome?> LookupAsync(LookingUp looking)
    {
        var (name, serviceArguments) = looking;
        if (await LoadAsync() is not { } deployed)
        {
            return null;
        }

        var definition = deployed.Deployment.Functions.FirstOrDefault(f => f.Name == name);
        if (definition is null || definition.IsService != (serviceArguments is not null))
        {
            return new LookupOutcome(null, deployed.Version, [.. deployed.Deployment.Functions.Select(static f => f.IsService ? $"{f.Name} (a service)" : f.Name)]);
        }

        var spec = definition;
        if (serviceArguments is not null)
        {
            spec = InstanceOf(definition, serviceArguments);
            if (!_functions.ContainsKey(spec.FunctionId))
            {
                await ConfigureAsync([spec], rolling: true);
            }
        }

        return new LookupOutcome(spec, deployed.Version, []);
    }

    public async Task<StoredDeployment?> GetDeploymentAsync()
    {
        var deployed = await LoadAsync();
        if (deployed is null && _app is null)
        {
            DeactivateOnIdle();
        }

        return deployed;
    }

    public async Task<bool> StopDeployedAsync()
    {
        await _deploying.WaitAsync();
        try
        {
            if (await LoadAsync() is null)
            {
                return false;
            }

            await _deployments.RemoveAsync(this.GetPrimaryKeyString());
            _deployed = null;
            await CloseAsync("it was stopped");
            return true;
        }
        finally
        {
            _deploying.Release();
        }
    }

    // What is in the database runs, from the first time that somebody asks for the app.
    private async Task<StoredDeployment?> LoadAsync()
    {
        if (_deployed is null && !_isClosing && await _deployments.FindAsync(this.GetPrimaryKeyString()) is { } stored && _deployed is null)
        {
            await SwitchAsync(stored, DeployStrategy.Rolling);
        }

        return _deployed;
    }

    private async Task SwitchAsync(StoredDeployment stored, DeployStrategy strategy)
    {
        var isNew = _app is null;
        _deployed = stored;
        _app = new OpenApp { AppId = stored.AppId, Name = stored.Name, Code = stored.Deployment.Code };
        if (isNew)
        {
            await GrainFactory.GetGrain<IAppDirectoryGrain>(0).AddAsync(this.GetPrimaryKeyString());
        }

        var statics = stored.Deployment.Functions.Where(static f => !f.IsService);
        // Instances that were asked for go on with what their service is now.
        var instances = _functions.Values.Where(static f => f.IsService).ToArray()
            .Select(i => (Instance: i, Definition: stored.Deployment.Functions.FirstOrDefault(f => f.IsService && f.Name == i.Name)))
            .Where(static i => i.Definition is not null).Select(i => InstanceOf(i.Definition!, i.Instance.ServiceArguments));
        FunctionSpec[] wanted = [.. statics, .. instances];
        foreach (var gone in _functions.Keys.Except(wanted.Select(static f => f.FunctionId)).ToArray())
        {
            // Not the app's any more: nobody finds it, and it ends when it has nothing left to do.
            _functions.Remove(gone);
            _ = _logger.WatchAsync(GrainFactory.GetGrain<IFunctionGrain>(gone).RetireAsync("its app was deployed without it"));
        }

        await ConfigureAsync(wanted, strategy != DeployStrategy.Recreate);
    }

    private FunctionSpec InstanceOf(FunctionSpec definition, Payload arguments)
    {
        var spec = definition.Clone();
        spec.FunctionId = Id.Derive(Id.Function, this.GetPrimaryKeyString(), definition.Name, Convert.ToHexString(SHA256.HashData(arguments.Inline.Span)));
        spec.ServiceArguments = arguments;
        return spec;
    }

    // Inputs name a method by its position, and those that wait were sent before: a method keeps its position, also when others go.
    private static AppDeployment KeepPositions(AppDeployment? before, AppDeployment after)
    {
        var merged = after.Clone();
        foreach (var function in merged.Functions)
        {
            if (before?.Functions.FirstOrDefault(f => f.Name == function.Name) is { } old && !old.Methods.SequenceEqual(function.Methods))
            {
                string[] kept = [.. old.Methods.Select(m => function.Methods.Contains(m) ? m : "")];
                string[] added = [.. function.Methods.Except(kept)];
                function.Methods.Clear();
                function.Methods.AddRange(kept.Concat(added));
            }
        }

        return merged;
    }
}
