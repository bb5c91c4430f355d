using Modal.Backend.ControlPlane.Secrets;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>For functions that name none.</summary>
internal sealed class NoSecrets : ISecretValues
{
    public Task<IReadOnlyDictionary<string, string>> ResolveAsync(string appId, IEnumerable<SecretReference> references) => throw new NotSupportedException();

    public string Fingerprint(IReadOnlyDictionary<string, string> variables) => throw new NotSupportedException();
}
