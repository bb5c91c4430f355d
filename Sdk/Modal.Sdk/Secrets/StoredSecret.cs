namespace Modal;

/// <summary>What a list of secrets says of one: not its values.</summary>
/// <param name="Id">Its id, <c>st-…</c>.</param>
/// <param name="Name">Its name, unique in its environment.</param>
/// <param name="Keys">Names of its variables, sorted.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="UpdatedAt">When its values were changed last.</param>
public sealed record StoredSecret(string Id, string Name, IReadOnlyList<string> Keys, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
