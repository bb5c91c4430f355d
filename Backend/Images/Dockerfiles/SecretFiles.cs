namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Secrets as files for as long as a step runs.</summary>
internal sealed class SecretFiles : IDisposable
{
    private readonly List<string> _files = [];

    public string Add(string value)
    {
        var path = Path.Combine(Path.GetTempPath(), $"modal-secret-{Guid.NewGuid():N}");
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        _files.Add(path);
        file.Write(System.Text.Encoding.UTF8.GetBytes(value));
        return path;
    }

    public void Dispose() => _files.ForEach(File.Delete);
}
