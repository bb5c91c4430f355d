namespace Modal.Backend.Store.Objects;

/// <summary>Bytes on their way that have to be read twice, or must not be seen before all of them are there.</summary>
public static class SpoolFile
{
    /// <summary>A new temporary file that only this user can open, and that is gone when it is closed.</summary>
    public static FileStream Create() => new(Path.Combine(Path.GetTempPath(), $"modal-{Guid.NewGuid():N}"), new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.ReadWrite,
        Options = FileOptions.DeleteOnClose,
        BufferSize = 0,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });
}
