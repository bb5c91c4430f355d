using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Peers;

namespace Modal.Backend.Host.Tests.Blobs;

/// <summary>A server in this process that serves a tier over its Unix socket.</summary>
internal sealed class PeerServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("modal-peer-").FullName;
    private readonly WebApplication _app;

    private PeerServer(IObjectTier? tier, TimeProvider time)
    {
        var options = new HostOptions { Role = HostRole.Server, StateDirectory = _directory, IdleLimit = TimeSpan.Zero };
        _app = tier is null ? BuildWithoutServices(options.Socket) : HostBuilding.Build(options, services =>
        {
            services.RemoveAll<IObjectTier>();
            services.AddSingleton(tier);
            services.AddSingleton(time);
        });
        Channel = GrpcChannels.OpenSocket(options.Socket);
        Peer = new PeerTier(Channel, "test");
    }

    public GrpcChannel Channel { get; }

    public PeerTier Peer { get; }

    /// <summary>Starts one.</summary>
    /// <param name="tier">What it serves; null for a server that does not know the service.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <param name="time">The server's clock; null for the machine's.</param>
    public static async Task<PeerServer> StartAsync(IObjectTier? tier, CancellationToken cancellationToken, TimeProvider? time = null)
    {
        var server = new PeerServer(tier, time ?? TimeProvider.System);
        await server._app.StartAsync(cancellationToken);
        return server;
    }

    public Task StopAsync() => _app.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static WebApplication BuildWithoutServices(string socket)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.ListenUnixSocket(socket, o => o.Protocols = HttpProtocols.Http2));
        return builder.Build();
    }
}
