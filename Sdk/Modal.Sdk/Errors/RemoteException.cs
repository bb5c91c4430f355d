using System.Runtime.ExceptionServices;
using Modal.Protocol;

namespace Modal;

/// <summary>
/// User code in a container threw. The remote exception arrives as text, so that no type has to be loadable here: <see cref="RemoteType"/>,
/// <see cref="Exception.Message"/>, and a stack that shows the remote files and lines. Inner exceptions are <see cref="RemoteException"/>s too.
/// </summary>
public sealed class RemoteException : ModalException
{
    internal RemoteException(RemoteExceptionInfo info)
        : base(info.Message, info.Inner.Count > 0 ? new RemoteException(info.Inner[0]) : null)
    {
        RemoteType = info.Type;
        RemoteStackTrace = info.Stack;
        InnerExceptions = info.Inner.Count switch
        {
            0 => [],
            1 => [(RemoteException)InnerException!],
            _ => [(RemoteException)InnerException!, .. info.Inner.Skip(1).Select(i => new RemoteException(i))],
        };
        if (info.Stack.Length > 0)
        {
            ExceptionDispatchInfo.SetRemoteStackTrace(this, info.Stack);
        }
    }

    /// <summary>Full name of the remote exception's type, such as <c>System.InvalidOperationException</c>.</summary>
    public string RemoteType { get; }

    /// <summary>The remote stack with file and line where symbols were present; empty if the exception was never thrown.</summary>
    public string RemoteStackTrace { get; }

    /// <summary>All inner exceptions: none, one, or several for an <see cref="AggregateException"/>.</summary>
    public IReadOnlyList<RemoteException> InnerExceptions { get; }

    /// <summary>The remote type, message and stack, and below them the local stack.</summary>
    public override string ToString()
    {
        var inner = string.Concat(InnerExceptions.Select(e => $"{Environment.NewLine} ---> {e}{Environment.NewLine}   --- End of inner exception stack trace ---"));
        return $"{nameof(Modal)}.{nameof(RemoteException)}: {RemoteType}: {Message}{inner}{Environment.NewLine}{StackTrace}";
    }
}
