using Modal.Protocol;

namespace Modal;

/// <summary>From the failure of an input, as the server tells it, to the exception the caller sees.</summary>
internal static class FailureErrors
{
    public static Exception ToException(Failure failure) => failure.Kind switch
    {
        FailureKind.UserException when failure.Exception is not null => new RemoteException(failure.Exception),
        FailureKind.Timeout => new FunctionTimeoutException(failure.Message, failure.ContainerId),
        FailureKind.Exited => Died(failure, ContainerFailureReason.Exited),
        FailureKind.Crashed => Died(failure, ContainerFailureReason.Crashed),
        FailureKind.StackOverflow => Died(failure, ContainerFailureReason.StackOverflow),
        FailureKind.OutOfMemory => Died(failure, ContainerFailureReason.OutOfMemory),
        FailureKind.Lost => Died(failure, ContainerFailureReason.Lost),
        FailureKind.Cancelled => new OperationCanceledException(failure.Message),
        FailureKind.Startup => new ContainerStartException(failure.Message, failure.Exception is null ? null : new RemoteException(failure.Exception)),
        FailureKind.Serialization => new PayloadSerializationException(failure.Message),
        FailureKind.NoCapacity => new CapacityException(failure.Message),
        _ => new ServerException(failure.Message, Grpc.Core.StatusCode.Internal),
    };

    private static ContainerFailureException Died(Failure failure, ContainerFailureReason reason) =>
        new(failure.Message, reason, failure.ExitCode, failure.ContainerId, failure.StderrTail);
}
