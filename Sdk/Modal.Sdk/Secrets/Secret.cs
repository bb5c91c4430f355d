using Google.Protobuf.Collections;
using Modal.Connections;
using Modal.Images.Definitions;
using Modal.Names;
using Modal.Protocol;
using Modal.Secrets;

namespace Modal;

/// <summary>
/// Environment variables that must not be part of code, definitions or logs: they go to the containers and build steps that name them. A secret by value lives as long as the app that uses it; one by name
/// is kept on the server, sealed, and its values as they are when a container starts. Safe for many threads.
/// </summary>
public sealed class Secret
{
    private readonly Func<IReadOnlyDictionary<string, string>>? _read;

    private Secret(string name, Func<IReadOnlyDictionary<string, string>>? read, SecretReference? reference = null) => (Name, _read, Reference) = (name, read, reference);

    /// <summary>The name, by which definitions tell secrets apart.</summary>
    public string Name { get; }

    /// <summary>Where the server has it; null for one by value.</summary>
    internal SecretReference? Reference { get; }

    /// <summary>Variables of this process, read when they are needed.</summary>
    /// <param name="variables">Their names.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public static Secret FromEnvironment(params string[] variables)
    {
        return new Secret(SecretNames.FromEnvironment(variables), () => variables.ToDictionary(
            static v => v,
            static v => Environment.GetEnvironmentVariable(v)
                ?? throw new InvalidRequestException($"The secret needs the environment variable {v}, which is not set: set it before the program starts.")));
    }

    /// <summary>Given values.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="variables">Names and values.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static Secret FromDictionary(string name, IReadOnlyDictionary<string, string> variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return new Secret(SecretNames.FromDictionary(name), () => variables);
    }

    /// <summary>
    /// Variables of a file of lines <c>NAME=value</c>, read when they are needed. Empty lines and those that begin with <c>#</c> are skipped, <c>export</c> before a name too; a value may be in single quotes, taken as it
    /// is, or in double quotes, where <c>\n</c>, <c>\t</c>, <c>\"</c> and <c>\\</c> have their usual meaning; both may go on over lines. An unquoted value ends before <c> #</c>.
    /// </summary>
    /// <param name="path">The file, from the current folder. Default <c>.env</c>.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static Secret FromDotEnv(string path = ".env")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new Secret($"dotenv:{path}", () => DotEnv.Read(path));
    }

    /// <summary>A secret that the server keeps under a name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <param name="requiredKeys">Variables that it must have: a container does not start without them.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static Secret FromName(string name, string? environment = null, params string[] requiredKeys)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(requiredKeys);
        var scope = EnvironmentName.Resolve(environment);
        return new Secret($"name:{scope}/{name}", read: null, new SecretReference { Name = name, Environment = scope, RequiredKeys = { requiredKeys } });
    }

    /// <summary>Keeps a secret on the server.</summary>
    /// <param name="name">1 to 64 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, unique in its environment.</param>
    /// <param name="variables">Names and values, at most 1,000 of 256 KiB together.</param>
    /// <param name="overwrite">Replaces all variables of one that is there. False, the default, refuses.</param>
    /// <param name="environment">As in <see cref="FromName"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="AlreadyExistsException">There is one of that name.</exception>
    /// <exception cref="InvalidRequestException">The name or a variable cannot be.</exception>
    public static Task CreateAsync(string name, IReadOnlyDictionary<string, string> variables, bool overwrite = false, string? environment = null, CancellationToken cancellationToken = default) =>
        WriteAsync(name, variables, overwrite ? SecretWrite.Replace : SecretWrite.Create, environment, cancellationToken);

    /// <summary>Adds variables to a secret on the server, in place of those of the same name; others stay. It is made if there is none.</summary>
    /// <param name="name">As in <see cref="CreateAsync"/>.</param>
    /// <param name="variables">As in <see cref="CreateAsync"/>.</param>
    /// <param name="environment">As in <see cref="FromName"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="InvalidRequestException">The name or a variable cannot be.</exception>
    public static Task UpdateAsync(string name, IReadOnlyDictionary<string, string> variables, string? environment = null, CancellationToken cancellationToken = default) =>
        WriteAsync(name, variables, SecretWrite.Merge, environment, cancellationToken);

    /// <summary>Removes a secret from the server. Containers that run keep its variables.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">As in <see cref="FromName"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotFoundException">There is none.</exception>
    public static Task DeleteAsync(string name, string? environment = null, CancellationToken cancellationToken = default)
    {
        var request = new DeleteSecretRequest { Environment = EnvironmentName.Resolve(environment), Name = name };
        return ServerConnection.SendAsync(async (invoker, _) => await new Protocol.Secrets.SecretsClient(invoker).DeleteAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <summary>The secrets that the server keeps, sorted by name; values are never sent back.</summary>
    /// <param name="environment">As in <see cref="FromName"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static async Task<IReadOnlyList<StoredSecret>> ListAsync(string? environment = null, CancellationToken cancellationToken = default)
    {
        var request = new ListSecretsRequest { Environment = EnvironmentName.Resolve(environment) };
        var reply = await ServerConnection.SendAsync(
            async (invoker, _) => await new Protocol.Secrets.SecretsClient(invoker).ListAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return [.. reply.Secrets.Select(static s => new StoredSecret(
            s.SecretId, s.Name, [.. s.Keys], DateTimeOffset.FromUnixTimeMilliseconds(s.CreatedMs), DateTimeOffset.FromUnixTimeMilliseconds(s.UpdatedMs)))];
    }

    /// <summary>The name only.</summary>
    public override string ToString() => Name;

    /// <exception cref="InvalidRequestException">Something is missing here.</exception>
    internal IReadOnlyDictionary<string, string> Read() => _read?.Invoke() ?? new Dictionary<string, string>();

    /// <summary>The values of one by value into a message; those of one by name are not known here.</summary>
    internal void ReadTo(MapField<string, string> variables)
    {
        foreach (var (name, value) in Read())
        {
            variables[name] = value;
        }
    }

    private static Task<WriteSecretReply> WriteAsync(string name, IReadOnlyDictionary<string, string> variables, SecretWrite mode, string? environment, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(variables);
        var request = new WriteSecretRequest { Environment = EnvironmentName.Resolve(environment), Name = name, Mode = mode, Variables = { variables.ToDictionary() } };
        return ServerConnection.SendAsync(async (invoker, _) => await new Protocol.Secrets.SecretsClient(invoker).WriteAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken);
    }
}
