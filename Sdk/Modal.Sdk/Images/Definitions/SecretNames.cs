namespace Modal.Images.Definitions;

/// <summary>The names by which definitions tell secrets apart. Parameters are called as those of <c>Secret</c>, because faults name them.</summary>
internal static class SecretNames
{
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public static string FromEnvironment(IReadOnlyList<string> variables)
    {
        Check.NotNull(variables, nameof(variables));
        return variables.Count == 0 || variables.Any(string.IsNullOrWhiteSpace)
            ? throw new ArgumentException("A secret needs the name of at least one environment variable, and none may be empty.", nameof(variables))
            : $"env:{string.Join(",", variables)}";
    }

    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static string FromDictionary(string name) => Check.NotBlank(name, nameof(name));
}
