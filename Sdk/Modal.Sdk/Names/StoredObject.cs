namespace Modal;

/// <summary>What a list of dicts or queues says of one.</summary>
/// <param name="Id">Its id, such as <c>di-…</c> or <c>qu-…</c>.</param>
/// <param name="Name">Its name, unique in its environment.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record StoredObject(string Id, string Name, DateTimeOffset CreatedAt);
