using Xunit;

namespace Modal.Protocol.Tests.Runtime;

public sealed class LocalKeysTests
{
    private static readonly CodeVersion s_code = new() { Digest = "c0de" };

    [Fact]
    public void Snapshot_SameFunctionInAnotherRun_IsTheSame()
    {
        var first = new FunctionSpec { FunctionId = "fn-1", Name = "Jobs.Square", Assembly = "Jobs", MaxContainers = 3, Priority = 1 };
        var second = new FunctionSpec { FunctionId = "fn-2", Name = "Jobs.Square", Assembly = "Jobs" };

        Assert.Equal(LocalKeys.Snapshot(first, s_code), LocalKeys.Snapshot(second, s_code));
        Assert.Matches("^snapshot:[0-9a-f]{64}$", LocalKeys.Snapshot(first, s_code));
    }

    [Fact]
    public void Snapshot_OtherCodeImageNameOrArguments_Differs()
    {
        var spec = new FunctionSpec { Name = "Model", Assembly = "Jobs", ImageId = "im-1" };
        var image = spec.Clone();
        image.ImageId = "im-2";
        var name = spec.Clone();
        name.Name = "Other";
        var arguments = spec.Clone();
        arguments.ServiceArguments = new Payload { SizeBytes = 1 };

        string[] keys = [LocalKeys.Snapshot(spec, s_code), LocalKeys.Snapshot(spec, new CodeVersion { Digest = "other" }), .. new[] { image, name, arguments }.Select(s => LocalKeys.Snapshot(s, s_code))];
        Assert.Equal(5, keys.Distinct().Count());
    }
}
