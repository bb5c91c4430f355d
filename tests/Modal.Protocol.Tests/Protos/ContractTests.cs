using Xunit;

namespace Modal.Protocol.Tests.Protos;

public sealed class ContractTests
{
    [Fact]
    public void Contract_EveryMethodAndField_IsAsApproved()
    {
        var path = ApprovedContract.FilePath();
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            File.WriteAllLines(path, ApprovedContract.Lines());
        }

        var approved = File.ReadAllLines(path);
        var actual = ApprovedContract.Lines().ToArray();

        Assert.True(
            !approved.Except(actual).Any(),
            "These are gone or changed, and old peers still use them: " + string.Join("; ", approved.Except(actual)));
        Assert.True(
            !actual.Except(approved).Any(),
            "These are new; approve them by running this test with UPDATE_SNAPSHOTS=1: " + string.Join("; ", actual.Except(approved)));
    }

    [Fact]
    public void Contract_FieldNumbers_AreUniqueAndPositive() =>
        Assert.All(
            ApprovedContract.Lines().Where(l => l.StartsWith("field ", StringComparison.Ordinal)).GroupBy(l => l.Split(" = ")[0][..l.Split(" = ")[0].LastIndexOf('.')]),
            message => Assert.Equal(message.Count(), message.Select(l => l.Split(" = ")[1].Split(' ')[0]).Distinct().Count()));
}
