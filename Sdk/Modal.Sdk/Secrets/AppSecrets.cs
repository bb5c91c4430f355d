using Modal.Protocol;

namespace Modal.Secrets;

/// <summary>Makes a function's secrets known to the server: values of those by value for as long as the app lives, and that those by name are there.</summary>
internal static class AppSecrets
{
    /// <returns>What the function's containers name.</returns>
    /// <exception cref="InvalidRequestException">A value is missing here.</exception>
    /// <exception cref="Grpc.Core.RpcException">One is missing on the server, or lacks a key.</exception>
    public static async Task<IReadOnlyList<SecretReference>> PutAsync(Protocol.Secrets.SecretsClient client, string appId, string functionId, IReadOnlyList<Secret> secrets, CancellationToken cancellationToken)
    {
        var references = new List<SecretReference>();
        for (var i = 0; i < secrets.Count; i++)
        {
            if (secrets[i].Reference is { } reference)
            {
                references.Add(reference);
                continue;
            }

            // Its id stays the same: what is put again after the connection broke takes the place of what was there.
            var request = new PutAppSecretRequest { Environment = Names.EnvironmentName.Resolve(null), AppId = appId, SecretId = Id.Derive(Id.Secret, appId, functionId, i.ToString(System.Globalization.CultureInfo.InvariantCulture)) };
            secrets[i].ReadTo(request.Variables);
            await client.PutForAppAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
            references.Add(new SecretReference { SecretId = request.SecretId });
        }

        if (references.Exists(static r => r.SecretId.Length == 0))
        {
            var check = new CheckSecretsRequest();
            check.Secrets.AddRange(references.Where(static r => r.SecretId.Length == 0));
            await client.CheckAsync(check, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        return references;
    }
}
