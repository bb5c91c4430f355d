using Grpc.Core;
using Xunit;

namespace Modal.Sdk.Tests.Errors;

public sealed class GrpcErrorsTests
{
    [Theory]
    [InlineData(StatusCode.Cancelled, typeof(OperationCanceledException))]
    [InlineData(StatusCode.Unknown, typeof(ServerException))]
    [InlineData(StatusCode.InvalidArgument, typeof(InvalidRequestException))]
    [InlineData(StatusCode.DeadlineExceeded, typeof(DeadlineException))]
    [InlineData(StatusCode.NotFound, typeof(NotFoundException))]
    [InlineData(StatusCode.AlreadyExists, typeof(AlreadyExistsException))]
    [InlineData(StatusCode.PermissionDenied, typeof(AccessDeniedException))]
    [InlineData(StatusCode.Unauthenticated, typeof(AccessDeniedException))]
    [InlineData(StatusCode.ResourceExhausted, typeof(LimitExceededException))]
    [InlineData(StatusCode.FailedPrecondition, typeof(InvalidRequestException))]
    [InlineData(StatusCode.Aborted, typeof(ServerException))]
    [InlineData(StatusCode.OutOfRange, typeof(InvalidRequestException))]
    [InlineData(StatusCode.Unimplemented, typeof(VersionMismatchException))]
    [InlineData(StatusCode.Internal, typeof(ServerException))]
    [InlineData(StatusCode.Unavailable, typeof(ServerUnavailableException))]
    [InlineData(StatusCode.DataLoss, typeof(ServerException))]
    public void ToException_Status_GivesItsType(StatusCode status, Type expected)
    {
        var error = GrpcErrors.ToException(new RpcException(new Status(status, "the detail")));

        Assert.IsType(expected, error);
        Assert.Contains("the detail", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ToException_EveryStatusButOk_IsInTheTableAbove()
    {
        var covered = typeof(GrpcErrorsTests).GetMethod(nameof(ToException_Status_GivesItsType))!
            .GetCustomAttributesData().Where(a => a.AttributeType == typeof(InlineDataAttribute))
            .Select(a => (StatusCode)(int)((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)a.ConstructorArguments[0].Value!)[0].Value!);

        Assert.Equal(Enum.GetValues<StatusCode>().Where(s => s != StatusCode.OK).Order(), covered.Order());
    }

    [Fact]
    public void ToException_UnknownStatus_KeepsItsCode()
    {
        var error = Assert.IsType<ServerException>(GrpcErrors.ToException(new RpcException(new Status((StatusCode)99, "new"))));

        Assert.Equal("99", error.Status);
    }
}
