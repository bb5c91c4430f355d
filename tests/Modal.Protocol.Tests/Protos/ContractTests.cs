using Xunit;

namespace Modal.Protocol.Tests.Protos;

public sealed class ContractTests
{
    private static readonly string[] s_approved = ["field a.B.c = 1 string", "rpc a.S.Get(a.B) returns (a.B)"];

    [Fact]
    public void Contract_EveryMethodAndField_IsAsApproved()
    {
        var path = ApprovedContract.FilePath();
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            File.WriteAllText(path, string.Concat(ApprovedContract.Lines().Select(l => l + "\n")));
        }

        var difference = ApprovedContract.Difference(File.ReadAllLines(path), ApprovedContract.Lines());

        Assert.True(difference is null, difference);
    }

    [Fact]
    public void Files_EveryProtoOfTheProject_IsPinned()
    {
        var protos = Path.GetFullPath(Path.Combine(ApprovedContract.FilePath(), "../../../../Sdk/Modal.Protocol/Protos"));

        Assert.Equal(Directory.GetFiles(protos, "*.proto").Select(Path.GetFileName).Order(), ApprovedContract.Files.Select(f => f.Name).Order());
    }

    [Fact]
    public void Difference_None_IsNull() => Assert.Null(ApprovedContract.Difference(s_approved, [.. s_approved]));

    [Fact]
    public void Difference_FieldRenumbered_NamesTheOldOneAndTheNew() => Assert.Equal(
        string.Join(
            Environment.NewLine,
            "Gone or changed, and peers that are running still use it. Bring it back; a new meaning takes a new name and number:",
            "- field a.B.c = 1 string",
            "New; to accept it run this test with UPDATE_SNAPSHOTS=1 and commit Protocol.approved.txt:",
            "+ field a.B.c = 2 string"),
        ApprovedContract.Difference(s_approved, ["field a.B.c = 2 string", s_approved[1]]));

    [Fact]
    public void Difference_MethodGone_NamesIt() =>
        Assert.Contains("- rpc a.S.Get", ApprovedContract.Difference(s_approved, [s_approved[0]]), StringComparison.Ordinal);

    [Fact]
    public void Difference_FieldAdded_SaysHowToAcceptIt() => Assert.Equal(
        string.Join(Environment.NewLine, "New; to accept it run this test with UPDATE_SNAPSHOTS=1 and commit Protocol.approved.txt:", "+ field a.B.d = 2 bool"),
        ApprovedContract.Difference(s_approved, [.. s_approved, "field a.B.d = 2 bool"]));
}
