using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Placing;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests;

public sealed class ControlPlaneOptionsTests
{
    [Fact]
    public void Quota_Default_HasNoLimits()
    {
        var quota = new ControlPlaneOptions().Quota;

        Assert.Equal((0, 0.0, 0L, 0), (quota.MaxContainers, quota.MaxCpuCores, quota.MaxMemoryMiB, quota.MaxGpus));
    }

    [Fact]
    public void Quota_Negative_IsRefusedWithItsName()
    {
        using var services = new ServiceCollection().AddModalControlPlane(o => o.Quota = new QuotaOptions { MaxGpus = -1, MaxCpuCores = -0.5 }).BuildServiceProvider();

        var refused = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<ControlPlaneOptions>>().Value);

        Assert.Contains("MaxGpus", refused.Message, StringComparison.Ordinal);
        Assert.Contains("MaxCpuCores", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SecretsKey_NotSet_IsRefusedWithItsName()
    {
        using var services = new ServiceCollection().AddModalControlPlane(static o => o.Database = "sqlite:/a").BuildServiceProvider();

        var refused = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<ControlPlaneOptions>>().Value);

        Assert.Contains("SecretsKey", Assert.Single(refused.Failures), StringComparison.Ordinal);
    }
}
