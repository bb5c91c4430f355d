using Modal.Backend.Images.Definitions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Definitions;

public sealed class CacheKeysTests
{
    [Fact]
    public void Of_ALayer_IsTheSameInEveryVersion() =>
        // Another value here means that all images are built again: count the builder's version up if that is meant.
        Assert.Equal("70bdc348c420521fee8420dbb25a4c467c6a6fe1b3859b7131d8b154e1ebd3d6", CacheKeys.Of("parent", Full(), "resolved"));

    public static TheoryData<string, Action<ImageLayer>> Changes() => new()
    {
        { "operation", static l => l.Operation = "other" },
        { "argument", static l => l.Arguments[0] = "c" },
        { "order of arguments", static l => Swap(l.Arguments) },
        { "arguments run together", static l => { l.Arguments.Clear(); l.Arguments.Add("ab"); } },
        { "argument becomes option", static l => { l.Arguments.RemoveAt(1); l.Options.Insert(0, new ImageOption { Name = "b" }); } },
        { "option's name", static l => l.Options[0].Name = "m" },
        { "option's value", static l => l.Options[0].Value = "w" },
        { "one option more", static l => l.Options.Add(new ImageOption { Name = "z" }) },
        { "file's path", static l => l.Files[0].Path = "q" },
        { "file's content", static l => l.Files[0].Digest = new string('1', 64) },
        { "file's mode", static l => l.Files[0].Mode = 493 },
        { "file becomes a link", static l => l.Files[0].LinkTarget = "t" },
        { "file becomes a folder", static l => l.Files[0].IsDirectory = true },
        { "secret", static l => l.Secrets[0] = "other" },
        { "gpu", static l => l.Gpu = "H100" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Of_ALayerThatDiffers_Differs(string what, Action<ImageLayer> change)
    {
        var changed = Full();
        change(changed);

        Assert.True(CacheKeys.Of("parent", Full(), "resolved") != CacheKeys.Of("parent", changed, "resolved"), what);
    }

    [Fact]
    public void Of_AnotherParentOrWhatItDependsOn_Differs()
    {
        string[] keys = [CacheKeys.Of("parent", Full(), "resolved"), CacheKeys.Of("", Full(), "resolved"), CacheKeys.Of("parent", Full(), "other"), CacheKeys.Of("parent", Full()), CacheKeys.Of("parent", Full(), "resolved", "")];

        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public void Of_WhatMakesNoDifference_IsTheSame()
    {
        var other = Full();
        other.ForceBuild = true;
        Swap(other.Secrets);
        Swap(other.Files);

        Assert.Equal(CacheKeys.Of("parent", Full(), "resolved"), CacheKeys.Of("parent", other, "resolved"));
    }

    private static ImageLayer Full() => new()
    {
        Operation = "run-commands",
        Arguments = { "a", "b" },
        Options = { new ImageOption { Name = "n", Value = "v" } },
        Files = { new ImageFile { Path = "p", Digest = new string('0', 64), SizeBytes = 1, Mode = 420 }, new ImageFile { Path = "x", Digest = new string('2', 64), SizeBytes = 1, Mode = 420 } },
        Secrets = { "s", "t" },
    };

    private static void Swap<T>(IList<T> list) => (list[0], list[1]) = (list[1], list[0]);
}
