using Modal.Backend.Worker.Snapshots;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Snapshots;

public sealed class SnapshotKeyTests
{
    private readonly FunctionSpec _function = new() { Name = "Jobs.Square", Assembly = "Jobs", Methods = { "Jobs.Square" } };

    [Fact]
    public void Of_OtherSecretValues_IsAnotherSnapshotOfTheFamily()
    {
        var one = SnapshotKey.Of("platform", "root", "code", _function, 1024, "fingerprint 1");
        var other = SnapshotKey.Of("platform", "root", "code", _function, 1024, "fingerprint 2");

        Assert.Equal(one.FamilyName, other.FamilyName);
        Assert.Equal(3, new[] { one.Name, other.Name, SnapshotKey.Of("platform", "root", "code", _function, 1024, "").Name }.Distinct().Count());
        Assert.Equal(one, SnapshotKey.Of("platform", "root", "code", _function.Clone(), 1024, "fingerprint 1"));
    }
}
