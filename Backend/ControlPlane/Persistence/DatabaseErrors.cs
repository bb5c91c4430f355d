using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>Tells clients of a database that failed: that it is full, or to come again.</summary>
internal sealed class DatabaseErrors : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (DatabaseException e)
        {
            throw Explain(e);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (DatabaseException e)
        {
            throw Explain(e);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context);
        }
        catch (DatabaseException e)
        {
            throw Explain(e);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (DatabaseException e)
        {
            throw Explain(e);
        }
    }

    private static RpcException Explain(DatabaseException e) => new(new Status(e.IsFull ? StatusCode.ResourceExhausted : StatusCode.Unavailable, e.Message, e));
}
