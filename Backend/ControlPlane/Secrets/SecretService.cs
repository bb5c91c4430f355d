using Grpc.Core;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Names;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>Secrets for clients, who can write them and cannot read them.</summary>
internal sealed class SecretService(SecretStore store, EnvironmentNames environments) : Protocol.Secrets.SecretsBase
{
    public override async Task<WriteSecretReply> Write(WriteSecretRequest request, ServerCallContext context)
    {
        ObjectNames.Check(request.Name, "a secret", Id.Secret);
        SecretChecks.Check(request.Variables.ToDictionary());
        var id = await ExplainAsync(async () => await store.WriteAsync(await environments.ResolveAsync(request.Environment), request.Name, request.Variables.ToDictionary(), request.Mode));
        return id is null
            ? throw new RpcException(new Status(StatusCode.AlreadyExists, $"There is a secret '{request.Name}' already. Replace it, merge into it, or choose another name."))
            : new WriteSecretReply { SecretId = id };
    }

    public override async Task<DeleteSecretReply> Delete(DeleteSecretRequest request, ServerCallContext context)
    {
        var scope = await environments.ResolveAsync(request.Environment);
        return await store.DeleteAsync(scope, request.Name)
            ? new DeleteSecretReply()
            : throw new RpcException(new Status(StatusCode.NotFound, $"There is no secret '{request.Name}' in the environment '{scope}'."));
    }

    public override async Task<ListSecretsReply> List(ListSecretsRequest request, ServerCallContext context) => new() { Secrets = { await store.ListAsync(await environments.ResolveAsync(request.Environment)) } };

    public override async Task<PutAppSecretReply> PutForApp(PutAppSecretRequest request, ServerCallContext context)
    {
        if (!Id.IsValid(request.AppId, Id.App) || !Id.IsValid(request.SecretId, Id.Secret))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{request.AppId}' and '{request.SecretId}' must be the ids of an app and of a secret."));
        }

        SecretChecks.Check(request.Variables.ToDictionary());
        await store.PutForAppAsync(await environments.ResolveAsync(request.Environment), request.AppId, request.SecretId, request.Variables.ToDictionary());
        return new PutAppSecretReply();
    }

    public override async Task<CheckSecretsReply> Check(CheckSecretsRequest request, ServerCallContext context)
    {
        await ExplainAsync(async () => await store.ResolveAsync("", request.Secrets.Where(static s => s.SecretId.Length == 0)));
        return new CheckSecretsReply();
    }

    private static async Task<T> ExplainAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (SecretException e)
        {
            throw new RpcException(new Status(e.IsMissing ? StatusCode.NotFound : StatusCode.FailedPrecondition, e.Message));
        }
    }
}
