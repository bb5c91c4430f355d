using Xunit;

namespace Modal.Backend.Host.Tests;

public sealed class HostOptionsTests
{
    [Fact]
    public void StoreAddress_OfEachRole_IsWhereItsImagesAre()
    {
        var daemon = new HostOptions { StateDirectory = "/state", Store = null };

        Assert.Equal("folder:/state/store", daemon.StoreAddress);
        Assert.Equal("folder:/state/store", (daemon with { Role = HostRole.Worker }).StoreAddress);
        Assert.Equal("peer:http://10.0.0.1:7777", (daemon with { Role = HostRole.Worker, Server = "http://10.0.0.1:7777" }).StoreAddress);
        Assert.Equal("s3:images", (daemon with { Role = HostRole.Worker, Server = "http://10.0.0.1:7777", Store = "s3:images" }).StoreAddress);
    }

    [Fact]
    public void SecretsKeyPath_NotSet_IsInTheStateDirectory()
    {
        var daemon = new HostOptions { StateDirectory = "/state", SecretsKey = null };

        Assert.Equal("/state/secrets.key", daemon.SecretsKeyPath);
        Assert.Equal("/keys/shared", (daemon with { SecretsKey = "/keys/shared" }).SecretsKeyPath);
    }
}
