namespace Modal.Backend.ControlPlane.Tests.Volumes;

public sealed class SqliteVolumeTests : VolumeConformance
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-db-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override Task<string> CreateAsync() => Task.FromResult($"sqlite:{_folder}/server.db");
}
