namespace Modal.Images.Definitions;

/// <summary>Checks of arguments. The framework's own are not in netstandard2.0, where the generator makes the same checks.</summary>
internal static class Check
{
    public static T NotNull<T>(T? value, string parameter)
        where T : class => value ?? throw new ArgumentNullException(parameter);

    public static string NotBlank(string value, string parameter) =>
        string.IsNullOrWhiteSpace(NotNull(value, parameter)) ? throw new ArgumentException("It is empty.", parameter) : value;

    public static IReadOnlyList<string> NotEmpty(IReadOnlyList<string> values, string what, string parameter) =>
        NotNull(values, parameter).Count == 0 || values.Any(string.IsNullOrWhiteSpace)
            ? throw new ArgumentException(values.Count == 0 ? $"At least one {what} is needed." : $"A {what} is empty.", parameter)
            : values;

    public static string Absolute(string path, string parameter) =>
        NotBlank(path, parameter)[0] == '/' && !path.Split('/').Contains("..")
            ? path
            : throw new ArgumentException($"'{path}' is a path in the container: it must be absolute, such as /app, and without '..'.", parameter);

    public static string VariableName(string name, string parameter) =>
        NotBlank(name, parameter).All(static c => IsAsciiDigit(c) || c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '_') && !IsAsciiDigit(name[0])
            ? name
            : throw new ArgumentException($"'{name}' cannot be an environment variable: letters, digits and '_' are allowed, and no digit first.", parameter);

    private static bool IsAsciiDigit(char c) => c is >= '0' and <= '9';
}
