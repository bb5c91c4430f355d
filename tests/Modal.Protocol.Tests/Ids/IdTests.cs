using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Modal.Protocol.Tests.Ids;

public sealed class IdTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true);
    private static readonly string[] s_prefixes = [Id.App, Id.Function, Id.Call, Id.Input, Id.Container, Id.Worker, Id.Image];

    [Fact]
    public void Prefixes_All_Differ() => Assert.Equal(s_prefixes.Length, s_prefixes.Distinct().Count());

    [Fact]
    public void New_EachPrefix_IsValidUnderThatPrefixOnly() => Assert.All(s_prefixes, prefix =>
    {
        var id = Id.New(prefix);

        Assert.StartsWith(prefix, id, StringComparison.Ordinal);
        Assert.Equal([prefix], s_prefixes.Where(p => Id.IsValid(id, p)));
    });

    [Fact]
    public void New_ManyTimes_NeverRepeats() => Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => Id.New(Id.Call)).Distinct().Count());

    // Other processes, older and newer ones, must come to the same id.
    [Fact]
    public void Derive_KnownParts_StaysTheIdItAlwaysWas()
    {
        Assert.Equal("fn-YgVgSIBvqiCdZB0SOqTba8", Id.Derive(Id.Function, "ap-1", "Namespace.Type.Method", "ü"));
        Assert.Equal("im-1n7DXwMcm8IENdAhgXCeFl", Id.Derive(Id.Image));
    }

    [Fact]
    public void Derive_AnyParts_IsValidAndTheSameAgain() => Prop.ForAll<string[]>(parts =>
    {
        string[] texts = [.. parts.Select(p => p ?? "")];
        var id = Id.Derive(Id.Function, texts);
        return Id.IsValid(id, Id.Function) && id == Id.Derive(Id.Function, texts);
    }).Check(s_config);

    [Fact]
    public void Derive_PartCutInTwo_IsAnotherId() => Prop.ForAll<NonEmptyString, int>((text, cut) =>
    {
        var at = (int)((uint)cut % (uint)(text.Get.Length + 1));
        var whole = Id.Derive(Id.Function, text.Get);
        return whole != Id.Derive(Id.Function, text.Get[..at], text.Get[at..]) && whole != Id.Derive(Id.Function, text.Get, "");
    }).Check(s_config);

    [Fact]
    public void Derive_PartsInAnotherOrder_IsAnotherId() => Assert.NotEqual(Id.Derive(Id.Function, "a", "b"), Id.Derive(Id.Function, "b", "a"));

    [Fact]
    public void NewDeriveAndIsValid_NoPrefix_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => Id.New(""));
        Assert.Throws<ArgumentException>(() => Id.Derive("", "a"));
        Assert.Throws<ArgumentException>(() => Id.IsValid("x", ""));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ap-")]
    [InlineData("ap-short")]
    [InlineData("fn-0123456789012345678901")]
    [InlineData("AP-0123456789012345678901")]
    [InlineData("ap-012345678901234567890/")]
    [InlineData("ap-012345678901234567890٣")]
    [InlineData("ap-012345678901234567890\n")]
    [InlineData("ap-01234567890123456789012")]
    public void IsValid_SomethingElse_IsFalse(string? id) => Assert.False(Id.IsValid(id, Id.App));

    [Fact]
    public void IsValid_LettersAndDigits_IsTrue() => Assert.True(Id.IsValid("ap-0123456789abcdefghijXZ", Id.App));
}
