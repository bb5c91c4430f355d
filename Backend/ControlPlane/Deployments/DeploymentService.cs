using System.Text.Json;
using System.Text.RegularExpressions;
using Grpc.Core;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.Store.Blobs;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Deployments;

/// <summary>Serves deployments and who looks for what is deployed.</summary>
internal sealed partial class DeploymentService(DeploymentStore deployments, EnvironmentNames environments, IGrainFactory grains) : Protocol.Deployments.DeploymentsBase
{
    public override async Task<DeployReply> Deploy(DeployRequest request, ServerCallContext context)
    {
        Check(request);
        var environment = await environments.ResolveAsync(request.Environment);
        var appId = Protocol.Id.DeployedApp(environment, request.Name);
        var deployment = new AppDeployment { Code = request.Code, Functions = { request.Functions }, Manifests = { request.Manifests } };
        return ToReply(appId, await grains.GetGrain<IDeployedAppGrain>(appId).DeployAsync(new Deploying(environment, request, deployment, request.Strategy, 0)));
    }

    public override async Task<DeployReply> Rollback(RollbackRequest request, ServerCallContext context)
    {
        var (environment, appId, current) = await FindAsync(request.Environment, request.Name);
        var version = request.Version > 0 ? request.Version : current.Version - 1;
        var deployment = await deployments.FindVersionAsync(appId, version)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"The app '{request.Name}' has no version {version}; its current version is {current.Version}."));
        var facts = new DeployRequest { Name = request.Name, Tag = "" };
        return ToReply(appId, await grains.GetGrain<IDeployedAppGrain>(appId).DeployAsync(new Deploying(environment, facts, deployment, request.Strategy, version)));
    }

    public override async Task<StopAppReply> Stop(StopAppRequest request, ServerCallContext context)
    {
        if (Protocol.Id.IsValid(request.Name, Protocol.Id.App))
        {
            if (!await grains.GetGrain<IDeployedAppGrain>(request.Name).StopDeployedAsync())
            {
                await grains.GetGrain<IAppGrain>(request.Name).CloseAsync("it was stopped");
            }

            return new StopAppReply();
        }

        var (_, appId, _) = await FindAsync(request.Environment, request.Name);
        await grains.GetGrain<IDeployedAppGrain>(appId).StopDeployedAsync();
        return new StopAppReply();
    }

    public override async Task<ListAppsReply> List(ListAppsRequest request, ServerCallContext context) =>
        new() { Apps = { await deployments.ListAsync(await environments.ResolveAsync(request.Environment)) } };

    public override async Task<AppHistoryReply> History(AppHistoryRequest request, ServerCallContext context)
    {
        var (_, appId, _) = await FindAsync(request.Environment, request.Name);
        return new AppHistoryReply { Versions = { await deployments.HistoryAsync(appId) } };
    }

    public override async Task<LookupReply> Lookup(LookupRequest request, ServerCallContext context)
    {
        var environment = await environments.ResolveAsync(request.Environment);
        var appId = Protocol.Id.DeployedApp(environment, request.App);
        var found = await grains.GetGrain<IDeployedAppGrain>(appId).LookupAsync(new LookingUp(request.Name, request.ServiceArguments)) ?? throw Unknown(environment, request.App);
        return found.Function is { } function
            ? new LookupReply { AppId = appId, Function = function, Version = found.Version }
            : throw new RpcException(new Status(
                StatusCode.NotFound,
                $"The app '{request.App}' (version {found.Version}) in the environment '{environment}' has no {(request.ServiceArguments is null ? "function" : "service")} '{request.Name}'. It has: {string.Join(", ", found.Others)}."));
    }

    public override async Task<GetManifestReply> GetManifest(GetManifestRequest request, ServerCallContext context)
    {
        var (_, appId, current) = await FindAsync(request.Environment, request.App);
        return new GetManifestReply { AppId = appId, Version = current.Version, Manifests = { current.Deployment.Manifests } };
    }

    private static DeployReply ToReply(string appId, DeployOutcome outcome) =>
        new() { AppId = appId, Version = outcome.Version, IsUnchanged = outcome.IsUnchanged, Incompatibilities = { outcome.Incompatibilities } };

    private static RpcException Unknown(string environment, string name) =>
        new(new Status(StatusCode.NotFound, $"No app '{name}' is deployed in the environment '{environment}'. Deploy it, or name another environment."));

    private static void Check(DeployRequest request)
    {
        RequestChecks.Check(request.Functions);
        var faults = new List<string>();
        RequestChecks.Require(faults, ValidName().IsMatch(request.Name) && !request.Name.StartsWith("ap-", StringComparison.Ordinal), "name", request.Name, "1 to 64 letters, digits, '-', '_' and '.', and not begin with 'ap-'");
        RequestChecks.Require(faults, request.Tag.Length == 0 || ValidTag().IsMatch(request.Tag), "tag", request.Tag, "at most 50 letters, digits, '-', '_' and '.'");
        RequestChecks.Require(faults, request.Code is { Files.Count: > 0 }, "code.files", request.Code?.Files.Count, "at least one file");
        RequestChecks.Require(faults, request.Code?.Files.All(static f => BlobDigest.IsValid(f.Digest)) != false, "code.files.digest", "", "lower-case hexadecimal SHA-256s");
        RequestChecks.Require(faults, request.Functions.Count is > 0 and <= 10_000, "functions", request.Functions.Count, "1 to 10,000 functions");
        RequestChecks.Require(faults, request.Functions.Select(static f => f.Name).Distinct(StringComparer.Ordinal).Count() == request.Functions.Count, "functions.name", "", "different for each function");
        RequestChecks.Require(faults, request.Manifests.All(IsJson), "manifests", "", "JSON");
        RequestChecks.ThrowIfAny(faults);
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private async Task<(string Environment, string AppId, StoredDeployment Current)> FindAsync(string environmentName, string name)
    {
        var environment = await environments.ResolveAsync(environmentName);
        var appId = Protocol.Id.DeployedApp(environment, name);
        return (environment, appId, await grains.GetGrain<IDeployedAppGrain>(appId).GetDeploymentAsync() ?? throw Unknown(environment, name));
    }

    [GeneratedRegex("^[a-zA-Z0-9._-]{1,64}$")]
    private static partial Regex ValidName();

    [GeneratedRegex("^[a-zA-Z0-9._-]{1,50}$")]
    private static partial Regex ValidTag();
}
