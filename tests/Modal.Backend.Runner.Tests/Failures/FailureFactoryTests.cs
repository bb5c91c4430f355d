using Modal.Backend.Runner.Failures;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Runner.Tests.Failures;

public sealed class FailureFactoryTests
{
    public static TheoryData<Exception, bool, FailureKind> Kinds => new()
    {
        { new InvalidOperationException("x"), false, FailureKind.UserException },
        { new OperationCanceledException(), false, FailureKind.UserException },
        { new OperationCanceledException(), true, FailureKind.Cancelled },
        { new TaskCanceledException(), true, FailureKind.Cancelled },
        { new InsufficientMemoryException(), false, FailureKind.OutOfMemory },
        { new PayloadException("bad"), false, FailureKind.Serialization },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void OfAttempt_EachException_HasItsKind(Exception exception, bool cancelled, FailureKind kind) =>
        Assert.Equal(kind, FailureFactory.OfAttempt(exception, cancelled).Kind);

    [Fact]
    public void OfAttempt_Aggregate_CarriesAllInnerExceptions()
    {
        var failure = FailureFactory.OfAttempt(new AggregateException(new FormatException("a"), new ArgumentException("b", new IOException("c"))), cancelled: false);

        Assert.Equal(["a", "b"], failure.Exception.Inner.Select(i => i.Message));
        Assert.Equal("System.IO.IOException", failure.Exception.Inner[1].Inner[0].Type);
    }

    [Fact]
    public void OfAttempt_HugeMessage_IsCutAndSaysSo()
    {
        var failure = FailureFactory.OfAttempt(new InvalidOperationException(new string('x', 1_000_000)), cancelled: false);

        Assert.InRange(failure.Exception.Message.Length, 65_536, 65_600);
        Assert.EndsWith("(cut, 1000000 characters in all)", failure.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfAttempt_ExceptionThatCannotBeRead_StillArrives()
    {
        var failure = FailureFactory.OfAttempt(new HostileException(), cancelled: false);

        Assert.Equal(FailureKind.UserException, failure.Kind);
        Assert.Contains("Message threw System.NotSupportedException", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfAttempt_DeepChain_Ends()
    {
        Exception chain = new InvalidOperationException("0");
        for (var i = 1; i < 1000; i++)
        {
            chain = new InvalidOperationException($"{i}", chain);
        }

        var depth = 0;
        for (var info = FailureFactory.OfAttempt(chain, cancelled: false).Exception; info.Inner.Count > 0; info = info.Inner[0])
        {
            depth++;
        }

        Assert.Equal(32, depth);
    }

#pragma warning disable CA1032 // Made by tests only.
    private sealed class HostileException : Exception
#pragma warning restore CA1032
    {
#pragma warning disable CA1065 // What a hostile exception does.
        public override string Message => throw new NotSupportedException();

        public override string StackTrace => throw new NotSupportedException();
#pragma warning restore CA1065
    }
}
