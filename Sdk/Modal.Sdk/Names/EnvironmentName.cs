namespace Modal.Names;

/// <summary>Which environment names belong to.</summary>
internal static class EnvironmentName
{
    public const string Variable = "MODAL_ENVIRONMENT";

    /// <summary>The given one, else the variable's, else empty: the server's default, <c>main</c>.</summary>
    public static string Resolve(string? environment) => environment ?? Environment.GetEnvironmentVariable(Variable) ?? "";
}
