using Modal.Backend.ControlPlane.Tests.Persistence;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Volumes;

public sealed class PostgresVolumeTests(PostgresServer server) : VolumeConformance, IClassFixture<PostgresServer>
{
    protected override Task<string> CreateAsync() => server.CreateAsync();
}
