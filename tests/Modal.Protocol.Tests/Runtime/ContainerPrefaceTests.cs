using System.Text;
using Modal.Runtime;
using Xunit;

namespace Modal.Protocol.Tests.Runtime;

public sealed class ContainerPrefaceTests
{
    [Fact]
    public void Read_WhatWasWritten_GivesTheContainer()
    {
        var id = Id.New(Id.Container);

        var preface = ContainerPreface.Write(id);

        Assert.Equal($"MODAL-CONTAINER {id}\n", Encoding.ASCII.GetString(preface));
        Assert.InRange(preface.Length, 1, ContainerPreface.MaxBytes);
        Assert.Equal(id, ContainerPreface.Read(preface.AsSpan(..^1)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("PRI * HTTP/2.0")]
    [InlineData("MODAL-CONTAINER ")]
    [InlineData("MODAL-CONTAINER ap-0123456789012345678901")]
    [InlineData("MODAL-CONTAINER ta-012345678901234567890")]
    [InlineData("MODAL-CONTAINER ta-0123456789012345678901 ")]
    [InlineData("modal-container ta-0123456789012345678901")]
    public void Read_AnythingElse_GivesNone(string line) => Assert.Null(ContainerPreface.Read(Encoding.ASCII.GetBytes(line)));

    [Theory]
    [InlineData("")]
    [InlineData("ta-0123456789012345678901\n")]
    public void Write_NoContainer_Throws(string id) => Assert.Throws<ArgumentException>(() => ContainerPreface.Write(id));
}
