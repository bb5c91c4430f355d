using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>Values on their way to a container or a build step. They go into a message to the worker and nowhere else: not into logs, specs or states.</summary>
internal interface ISecretValues
{
    /// <summary>The variables of all these; of equal names the last one counts.</summary>
    /// <exception cref="SecretException">One is missing, lacks a required variable, or cannot be opened.</exception>
    Task<IReadOnlyDictionary<string, string>> ResolveAsync(string appId, IEnumerable<SecretReference> references);

    /// <summary>Tells these values from others without giving them away.</summary>
    string Fingerprint(IReadOnlyDictionary<string, string> variables);
}
