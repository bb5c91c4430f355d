using System.Text;
using Modal.Backend.Worker.Containers;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

public sealed class StderrTailTests
{
    [Theory]
    [InlineData("Stack overflow.\n   at A.B()", true)]
    [InlineData("SStack overflow.", true)]
    [InlineData("StaStack overflow.", true)]
    [InlineData("Stack overflow", false)]
    [InlineData("Out of memory.", false)]
    public void Add_ByteByByte_SeesTheAnnouncement(string text, bool expected)
    {
        var tail = new StderrTail();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            tail.Add([b]);
        }

        Assert.Equal(expected, tail.SawStackOverflow);
        Assert.Equal(text, tail.ToString());
    }

    [Fact]
    public void Add_MoreThanIsKept_GivesTheLastWholeLines()
    {
        var tail = new StderrTail();
        for (var i = 0; i < 5000; i++)
        {
            tail.Add(Encoding.UTF8.GetBytes($"line {i}\n"));
        }

        var lines = tail.ToString().Split('\n');
        Assert.Equal("line 4999", lines[^1]);
        Assert.Matches("^line [0-9]+$", lines[0]);
        Assert.InRange(lines.Length, 700, 900);
    }
}
