using Grpc.Core;
using Grpc.Net.Client;
using Modal.Protocol;
using Polly;
using Polly.Retry;

namespace Modal.Connections;

/// <summary>Opens a connection: starts the local daemon if none runs, replaces one of another build that nobody uses, and checks versions.</summary>
internal static class ServerHandshake
{
    private static readonly ResiliencePipeline s_retry = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            // 50 ms doubling to 2 s, some 20 s in all: longer than a restart of the daemon or of a server takes.
            ShouldHandle = new PredicateBuilder().Handle<RpcException>(GrpcErrors.IsTransient),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(50),
            MaxDelay = TimeSpan.FromSeconds(2),
            MaxRetryAttempts = 14,
        })
        .Build();

    public static async Task<(GrpcChannel Channel, HelloReply Hello)> ConnectAsync(ServerAddress address, CancellationToken cancellationToken)
    {
        try
        {
            // In a container the server is there, or the container ends. What retries would have to be compiled there, a quarter of all that a first call needs; the streams of functions retry by themselves.
            return address.IsContainer
                ? await TryConnectAsync(address, cancellationToken).ConfigureAwait(false)
                : await s_retry.ExecuteAsync(async token => await TryConnectAsync(address, token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.PermissionDenied or StatusCode.Unauthenticated)
        {
            throw GrpcErrors.ToException(e);
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested && !address.IsContainer)
        {
            throw new ServerUnavailableException($"Cannot reach {address}: {e.Status.Detail}", e);
        }
    }

    private static async Task<(GrpcChannel Channel, HelloReply Hello)> TryConnectAsync(ServerAddress address, CancellationToken cancellationToken)
    {
        if (address.IsLocalDaemon && !LocalDaemon.IsListening())
        {
            await LocalDaemon.StartAsync(cancellationToken).ConfigureAwait(false);
        }

        var channel = address.OpenChannel();
        try
        {
            var client = new ModalClient.ModalClientClient(channel);
            var build = address.IsLocalDaemon ? HostProgram.Find()?.Build ?? "" : "";
            var hello = await client.HelloAsync(
                new HelloRequest { ClientVersion = SdkVersion.Current, ProtocolRevision = ProtocolRevision.Current, HostBuild = build },
                deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: cancellationToken).ConfigureAwait(false);
            if (IsStale(address, build, hello))
            {
                await client.ShutdownAsync(new ShutdownRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
                throw new RpcException(new Status(StatusCode.Unavailable, "The local daemon is of another build and is being replaced."));
            }

            return hello.Refusal.Length == 0 ? (channel, hello) : throw new VersionMismatchException(hello.Refusal);
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    // A daemon that serves other apps is left alone even if it is of another build: the refusal decides then.
    private static bool IsStale(ServerAddress address, string build, HelloReply hello) =>
        address.IsLocalDaemon && build.Length > 0 && hello.HostBuild.Length > 0 && hello.HostBuild != build && hello.RunningApps == 0;
}
