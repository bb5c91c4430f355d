namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>The database could not do what it was asked; nothing was changed.</summary>
[GenerateSerializer]
internal sealed class DatabaseException : Exception
{
    public DatabaseException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Its disk is full.</summary>
    [Id(0)]
    public bool IsFull { get; init; }
}
