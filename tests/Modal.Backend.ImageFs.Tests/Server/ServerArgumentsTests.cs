using Modal.Backend.ImageFs.Server;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Server;

public sealed class ServerArgumentsTests
{
    [Fact]
    public void Parse_WhatWriteMade_IsTheSame()
    {
        var arguments = new ServerArguments("s3:bucket/prefix?region=x", "/a cache", 123);

        Assert.Equal(arguments, ServerArguments.Parse(arguments.Write()));
    }

    [Theory]
    [InlineData()]
    [InlineData("--tier", "t", "--cache", "c")]
    [InlineData("--tier", "t", "--cache", "c", "--cache-bytes", "-1")]
    [InlineData("--tier", "t", "--cache", "c", "--cache-bytes", "0")]
    [InlineData("--tier", "", "--cache", "c", "--cache-bytes", "1")]
    [InlineData("--cache", "c", "--tier", "t", "--cache-bytes", "1")]
    public void Parse_SomethingElse_IsRefused(params string[] arguments) => Assert.Null(ServerArguments.Parse(arguments));
}
