using Modal.Images.Definitions;

namespace Modal;

/// <summary>Environment variables that must not be part of a definition: they go to the step that needs them and are kept nowhere.</summary>
public sealed class Secret
{
    private readonly Func<IReadOnlyDictionary<string, string>> _read;

    private Secret(string name, Func<IReadOnlyDictionary<string, string>> read) => (Name, _read) = (name, read);

    /// <summary>The name, by which definitions tell secrets apart.</summary>
    public string Name { get; }

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

    internal IReadOnlyDictionary<string, string> Read() => _read();
}
