using Google.Protobuf;
using Modal.Protocol;
using Modal.Terminal;
using Xunit;

namespace Modal.Sdk.Tests.Terminal;

[Collection("client")]
public sealed class RemoteConsoleTests : IDisposable
{
    private readonly TextWriter _out = Console.Out;
    private readonly TextWriter _error = Console.Error;
    private readonly StringWriter _stdout = new();
    private readonly StringWriter _stderr = new();

    public RemoteConsoleTests()
    {
        Console.SetOut(_stdout);
        Console.SetError(_stderr);
    }

    [Fact]
    public void Write_Streams_GoToTheirOwnStream()
    {
        using var console = new RemoteConsole();

        console.Write(Line("ta-1", OutputSource.Stdout, "out\n"));
        console.Write(Line("ta-1", OutputSource.Stderr, "err\n"));
        console.WriteNotice("note");

        Assert.Equal("out\n", _stdout.ToString());
        Assert.Equal("err\nnote\n", _stderr.ToString());
    }

    [Fact]
    public void Write_LinesInPieces_OfTwoContainersDoNotMix()
    {
        using var console = new RemoteConsole();

        console.Write(Line("ta-1", OutputSource.Stdout, "one "));
        console.Write(Line("ta-2", OutputSource.Stdout, "two "));
        console.Write(Line("ta-1", OutputSource.Stdout, "line\n"));
        console.Write(Line("ta-2", OutputSource.Stdout, "lines\n"));

        Assert.Equal("one line\ntwo lines\n", _stdout.ToString());
    }

    [Fact]
    public void Write_CharacterCutInTwo_IsWhole()
    {
        using var console = new RemoteConsole();
        var bytes = System.Text.Encoding.UTF8.GetBytes("grün €\n");

        foreach (var b in bytes)
        {
            console.Write(new Output { ContainerId = "ta-1", Source = OutputSource.Stdout, Data = ByteString.CopyFrom(b) });
        }

        Assert.Equal("grün €\n", _stdout.ToString());
    }

    [Fact]
    public void Flush_UnfinishedLine_IsWritten()
    {
        using var console = new RemoteConsole();

        console.Write(Line("ta-1", OutputSource.Stdout, "no end"));
        console.Flush();
        console.Flush();

        Assert.Equal("no end", _stdout.ToString());
    }

    [Fact]
    public void Paint_Lines_EndTheColourBeforeTheLine() =>
        Assert.Equal("\e[33ma\e[0m\n\e[33mb\e[0m\n", TerminalStyle.Paint("a\nb\n", OutputSource.Stderr));

    public void Dispose()
    {
        Console.SetOut(_out);
        Console.SetError(_error);
    }

    private static Output Line(string container, OutputSource source, string text) =>
        new() { ContainerId = container, Source = source, Data = ByteString.CopyFromUtf8(text) };
}
