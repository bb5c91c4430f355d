using Xunit;

namespace Modal.Protocol.Tests.Ids;

public sealed class IdTests
{
    [Fact]
    public void New_Twice_DiffersAndIsValid()
    {
        var (a, b) = (Id.New(Id.App), Id.New(Id.App));

        Assert.NotEqual(a, b);
        Assert.True(Id.IsValid(a, Id.App));
        Assert.StartsWith("ap-", a, StringComparison.Ordinal);
    }

    [Fact]
    public void Derive_SameParts_SameId() => Assert.Equal(Id.Derive(Id.Function, "a", "b"), Id.Derive(Id.Function, "a", "b"));

    [Fact]
    public void Derive_PartsCutElsewhere_AnotherId() => Assert.NotEqual(Id.Derive(Id.Function, "ab", "c"), Id.Derive(Id.Function, "a", "bc"));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ap-")]
    [InlineData("ap-short")]
    [InlineData("fn-0123456789012345678901")]
    [InlineData("ap-012345678901234567890/")]
    [InlineData("ap-01234567890123456789012")]
    public void IsValid_SomethingElse_IsFalse(string? id) => Assert.False(Id.IsValid(id, Id.App));
}
